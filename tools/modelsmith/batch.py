"""The models of a seed: judged first, then asked; and both verdicts side by side."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from forgather_lint.engines.vllm.target import VllmTarget
from oracles.asking import ask
from oracles.outcome import Outcome
from oracles.question import Question
from oracles.releases import Release
from tools.modelsmith.design import Design, drawn
from tools.modelsmith.model import write
from tools.modelsmith.static import Judged, Size, judged

Cell = tuple[int, Size]
"""The number of a model in its batch, and a size."""


@dataclass(frozen=True, slots=True)
class Both:
    """Our verdict on a cell, and the engine's."""

    number: int
    size: Size
    ours: Judged
    its: Outcome

    @property
    def decided(self) -> bool:
        return self.ours["verdict"] != "unknown"

    @property
    def agrees(self) -> bool:
        return self.ours["verdict"] == self.its["verdict"]

    @property
    def counts(self) -> bool:
        """Whether transformers could answer the model; otherwise it is not known what is right."""
        return self.its["verdict"] != "no reference" or self.ours["verdict"] == "crashes"


def sizes_of(number: int, ranks: Sequence[int], stages: int) -> list[Size]:
    """The sizes that a model is asked at: all `ranks`, and every third model on `stages`."""
    found: list[Size] = [(each, 1) for each in ranks]
    return [*found, (1, stages)] if stages > 1 and number % 3 == 0 else found


def written(seed: int, count: int, work: Path) -> dict[int, tuple[Design, Path]]:
    """The first `count` models of `seed`, in folders below `work`."""
    designs = {number: drawn(seed, number) for number in range(count)}
    return {n: (d, write(d, work / "models" / f"s{seed}_{n:03}", n)) for n, d in designs.items()}


def judge_all(
    models: Mapping[int, Path], target: VllmTarget, ranks: Sequence[int], stages: int
) -> dict[Cell, Judged]:
    """The verdict of the analysis on every cell."""
    return {
        (number, size): each
        for number, folder in models.items()
        for size, each in judged(folder, target, sizes_of(number, ranks, stages)).items()
    }


def ask_about(
    cells: Iterable[Cell], models: Mapping[int, Path], release: Release, work: Path
) -> Iterator[tuple[Cell, Outcome]]:
    """The engine's outcome for each of `cells`."""
    by_identity = {f"{r}x{s} {n:03}": (n, (r, s)) for n, (r, s) in cells}
    questions = [
        Question(identity, models[number].resolve(), *size)
        for identity, (number, size) in by_identity.items()
    ]
    for identity, outcome in ask(questions, release.python, work):
        yield by_identity[identity], outcome


def keep(path: Path, found: Mapping[Cell, Judged] | Mapping[Cell, Outcome]) -> None:
    """Store results of a batch beside its models."""
    rows = [[number, list(size), each] for (number, size), each in found.items()]
    path.write_text(json.dumps(rows, indent=0) + "\n", "utf-8")


def kept(path: Path) -> dict[Cell, Judged]:
    """The stored results of the analysis."""
    rows = json.loads(path.read_text("utf-8"))
    return {(number, (size[0], size[1])): each for number, size, each in rows}

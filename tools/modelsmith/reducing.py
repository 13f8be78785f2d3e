"""The simplest design on which analysis and engine still disagree in the same way."""

from __future__ import annotations

from pathlib import Path

from forgather_lint.engines.vllm.target import VllmTarget
from oracles.releases import Release
from tools.modelsmith.batch import ask_about
from tools.modelsmith.design import Design, simpler
from tools.modelsmith.model import write
from tools.modelsmith.static import Size, judged

Disagreement = tuple[str, str]
"""Our verdict, and the engine's."""


class Reducer:
    """Undoes choices of a design while the disagreement stays: halves first, then single ones.

    A simpler design on which our verdict differs is not put to the engine.
    """

    def __init__(self, size: Size, release: Release, work: Path) -> None:
        self._size = size
        self._release = release
        self._target = VllmTarget.of(release.vllm, release.transformers)
        self._work = work
        self._asked = 0

    def reduced(self, design: Design, wanted: Disagreement) -> Design:
        """The simplest of the designs that were tried."""
        size = max(1, len(design) // 2)
        while True:
            fitting = self._first_fitting(design, wanted, size)
            if fitting is not None:
                design, size = fitting, min(size, max(1, len(fitting) // 2))
            elif size == 1:
                return design
            else:
                size //= 2

    def _first_fitting(self, design: Design, wanted: Disagreement, size: int) -> Design | None:
        """The first simpler design with the same disagreement, or None; all are asked together."""
        folders: dict[int, Path] = {}
        tried: dict[int, Design] = {}
        for each in simpler(design, size):
            self._asked += 1
            folder = write(each, self._work / f"try_{self._asked}")
            ours = judged(folder, self._target, [self._size])[self._size]["verdict"]
            if ours == wanted[0]:
                folders[self._asked], tried[self._asked] = folder, each
        if not folders:
            return None
        asked = [(number, self._size) for number in folders]
        work = self._work / f"asked_{self._asked}"
        for (number, _), its in ask_about(asked, folders, self._release, work):
            if its["verdict"] == wanted[1]:
                return tried[number]
        return None

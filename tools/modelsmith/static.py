"""The verdict of the analysis on a model, at a pair of sizes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from forgather_lint.core.doing import now
from forgather_lint.documents.single_file import single_model
from forgather_lint.engines.matrix import cell, examine
from forgather_lint.engines.vllm.target import VllmTarget
from forgather_lint.linting.registry import code_of

Size = tuple[int, int]
"""Ranks and stages."""


class Judged(TypedDict):
    """A verdict, its code and its reason."""

    verdict: str
    code: str
    reason: str


def judged(folder: Path, target: VllmTarget, sizes: Sequence[Size]) -> dict[Size, Judged]:
    """The verdict on the model in `folder` at each of `sizes`; `crashes` for a bug of ours."""
    now(f"judging {folder}")
    try:
        prepared = examine(single_model(folder), target, "float32")
        found = {size: cell(prepared, *size).outcome for size in sizes}
    except Exception as error:  # noqa: BLE001 - a crash of ours is what a batch looks for
        crash = Judged(verdict="crashes", code="", reason=repr(error)[:300])
        return dict.fromkeys(sizes, crash)
    return {
        size: Judged(verdict=each.verdict.value, code=code_of(each), reason=each.reason[:300])
        for size, each in found.items()
    }

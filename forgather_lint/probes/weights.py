"""The weights that a probe loads: those in the folder, drawn ones, or none."""

from __future__ import annotations

import shutil
from enum import StrEnum
from pathlib import Path

_WEIGHTS = ("*.safetensors", "*.bin", "*.pt", "*.pth", "*.gguf", "*.safetensors.index.json")
DRAWN_AT_MOST = 2_000_000_000
"""Bytes of float32 parameters up to which drawing weights is quick and fits in memory."""


class Weights(StrEnum):
    """Where the numbers come from. Only with `real` and `drawn` does a wrong answer show."""

    AUTO = "auto"
    REAL = "real"
    DRAWN = "drawn"
    DUMMY = "dummy"


def resolve(weights: Weights, folder: Path, parameters: int | None) -> Weights:
    """The weights that `auto` means: the folder's own, else drawn ones for a small enough model.

    `parameters` is the number of elements, None when that is not known.
    """
    if weights is not Weights.AUTO:
        return weights
    if has_weights(folder):
        return Weights.REAL
    small = parameters is not None and 4 * parameters <= DRAWN_AT_MOST
    return Weights.DRAWN if small else Weights.DUMMY


def has_weights(folder: Path) -> bool:
    """Whether the folder holds a checkpoint."""
    return any(next(folder.glob(pattern), None) for pattern in _WEIGHTS[:2])


def copy_without_weights(folder: Path, copy: Path) -> None:
    """Copy the model's code, config and tokenizer."""
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns(*_WEIGHTS, "__pycache__", ".*"))

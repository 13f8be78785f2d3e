"""The forms in which the numbers of quantized weights are stored."""

from __future__ import annotations

from enum import StrEnum

from forgather_lint.core.record import record

GROUP_INDICES = ".g_idx"
PLAIN = frozenset({"F16", "BF16", "F32"})
"""Dtypes of numbers that are not quantized (`maybe_update_config`)."""


class Numbers(StrEnum):
    """Kinds of numbers."""

    WHOLE = "whole"
    FLOATS = "floats"
    EIGHTS = "floats of 8 bits"


@record
class Stored:
    """One tensor of a layer; `needed`: whether the layer computes with it.

    `width` is the size of one number in bytes; 0: that of the model's dtype.
    """

    shape: tuple[int, ...]
    numbers: Numbers
    width: int
    needed: bool = True

    def is_like(self, dtype: str) -> bool:
        """Whether `dtype`, spelt as in safetensors, is of that kind."""
        if self.numbers is Numbers.EIGHTS:
            return dtype.startswith("F8")
        return dtype in PLAIN if self.numbers is Numbers.FLOATS else dtype[0] in "IU"

"""In which forms the numbers of quantized weights are stored."""

from __future__ import annotations

from enum import StrEnum

from forgather_lint.core.record import record

GROUP_INDICES = ".g_idx"
PLAIN = frozenset({"F16", "BF16", "F32"})
"""What numbers are stored as that stand for themselves (`maybe_update_config`)."""


class Numbers(StrEnum):
    """Kinds of numbers."""

    WHOLE = "whole"
    FLOATS = "floats"
    EIGHTS = "floats of 8 bits"


@record
class Stored:
    """One tensor of a layer; `needed`: whether the layer computes with it.

    `width` are the bytes of one number, 0: of one in the dtype of the model.
    """

    shape: tuple[int, ...]
    numbers: Numbers
    width: int
    needed: bool = True

    def is_like(self, dtype: str) -> bool:
        """Whether `dtype`, as safetensors calls it, is of that kind."""
        if self.numbers is Numbers.EIGHTS:
            return dtype.startswith("F8")
        return dtype in PLAIN if self.numbers is Numbers.FLOATS else dtype[0] in "IU"

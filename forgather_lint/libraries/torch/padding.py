"""Padding: F.pad."""

from __future__ import annotations

from forgather_lint.libraries.operands import is_none, result, shape_of, sizes, tensor, tensor_op
from forgather_lint.libraries.propagation import Operand, Role, needs_whole, propagate
from forgather_lint.libraries.tokens import after_meeting
from forgather_lint.python.interpreter.library import OpFailure, Site
from forgather_lint.python.values import dims
from forgather_lint.python.values.dims import Size
from forgather_lint.python.values.value import NONE, Known, Value

_MODES = ("constant", "reflect", "replicate", "circular")


@tensor_op("torch.nn.functional.pad", "torch.constant_pad_nd")
def pad(site: Site, input: Value, pad: Value, mode: Value = NONE, value: Value = NONE) -> Value:
    """Adds elements before and after.

    `pad` has pairs of counts, from the last dimension backwards.
    """
    source = tensor(site, input)
    shape = list(shape_of(source))
    counts = sizes(site, [pad])
    if len(counts) % 2:
        raise OpFailure("RuntimeError", "Padding length must be divisible by 2")
    if isinstance(mode, Known) and mode.value not in (None, *_MODES):
        raise OpFailure("NotImplementedError", f"Unrecognised padding mode {mode.value!s}")
    if len(counts) > 2 * len(shape):
        raise OpFailure(
            "RuntimeError",
            "Padding length should be less than or equal to two times the input dimension but got "
            f"padding length {len(counts)} and input of dimension {len(shape)}",
        )
    labels = tuple(range(len(shape)))
    padded, moved = [], []
    for place in range(0, len(counts), 2):
        dim = len(shape) - 1 - place // 2
        before_and_after = counts[place : place + 2]
        if before_and_after != [0, 0]:
            padded.append(dim)
            moved += [] if before_and_after[0] == 0 else [dim]
            shape[dim] = _total([shape[dim], *before_and_after])
    zero = is_none(value) or value == Known(0) or not is_none(mode)
    role: Role = "factor" if zero else "argument"
    operand = Operand(source, labels, role)
    placement = propagate(site, [operand], labels, whole=padded, wrong=needs_whole(site))
    placement = after_meeting(site, [operand], moved, placement)
    return result(site, tuple(shape), placement, source.dtype)


def _total(sizes_: list[Size | None]) -> Size | None:
    total: Size = 0
    for size in sizes_:
        if size is None:
            return None
        total = dims.add(total, size)
    return total

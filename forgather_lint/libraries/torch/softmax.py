"""Softmax and similar ops: each rank needs the whole dimension."""

from __future__ import annotations

from forgather_lint.libraries.dtypes import dtype_of
from forgather_lint.libraries.element_types import default_dtype
from forgather_lint.libraries.operands import (
    ONE,
    ZERO,
    dimension,
    is_none,
    result,
    shape_of,
    tensor,
    tensor_op,
)
from forgather_lint.libraries.propagation import Operand, op_text, propagate
from forgather_lint.libraries.tokens import after_meeting
from forgather_lint.libraries.torch.pointwise import of_reals
from forgather_lint.python.interpreter.library import OpFailure, Site
from forgather_lint.python.values.value import NONE, Value

_NAMES = [
    f"{place}.{name}"
    for name in ("softmax", "log_softmax")
    for place in ("torch", "torch.nn.functional", "Tensor")
]


@tensor_op(*_NAMES, "torch.nn.functional.softmin")
def softmax(
    site: Site,
    input: Value,
    dim: Value = NONE,
    dtype: Value = NONE,
    _stacklevel: Value = NONE,
) -> Value:
    source = tensor(site, input)
    rank = len(shape_of(source))
    if is_none(dim):
        if not site.name.startswith("torch.nn."):
            text = 'missing 1 required positional arguments: "dim"'
            raise OpFailure("TypeError", f"{op_text(site)}() {text}")
        dim = ZERO if rank in (0, 1, 3) else ONE
    labels = tuple(range(rank))
    operands, over = [Operand(source, labels, "argument")], [dimension(dim, rank)]
    placement = propagate(site, operands, labels, whole=over)
    placement = after_meeting(site, operands, over, placement)
    own = of_reals(op_text(site))
    target = own(source.dtype, default_dtype(site)) if is_none(dtype) else dtype_of(dtype)
    return result(site, shape_of(source), placement, target)

"""Look-ups in a table: F.embedding."""

from __future__ import annotations

from forgather_lint.facts.causes.placement import PartMisused
from forgather_lint.libraries.dtypes import type_name_of
from forgather_lint.libraries.operands import result, shape_of, tensor, tensor_op
from forgather_lint.libraries.propagation import Operand, propagate
from forgather_lint.python.interpreter.library import OpFailure, Site
from forgather_lint.python.values.value import Value


@tensor_op("torch.nn.functional.embedding", "torch.embedding")
def embedding(site: Site, input: Value, weight: Value, *_: Value, **__: Value) -> Value:
    """Rows of `weight`, which is (entries, features), by number; a rank must have all entries."""
    numbers, table = tensor(site, input), tensor(site, weight, "weight", 2)
    if numbers.dtype not in (None, "int64", "int32"):
        text = (
            "Expected tensor for argument #1 'indices' to have one of the following scalar types: "
            f"Long, Int; but got torch.{type_name_of(numbers.dtype)}Tensor instead (while checking "
            "arguments for embedding)"
        )
        raise OpFailure("RuntimeError", text)
    if len(shape_of(table)) != 2:
        raise OpFailure("RuntimeError", "'weight' must be 2-D")
    labels = tuple(range(len(shape_of(numbers))))
    operands = [Operand(numbers, labels, "argument"), Operand(table, ("entry", "feature"))]
    wrong = PartMisused("looks numbers up in a rank's part of the table")
    placement = propagate(site, operands, (*labels, "feature"), whole=["entry"], wrong=wrong)
    return result(site, (*shape_of(numbers), shape_of(table)[1]), placement, table.dtype)

"""Losses: F.cross_entropy."""

from __future__ import annotations

from forgather_lint.libraries.operands import Shape, result, shape_of, tensor, tensor_op
from forgather_lint.libraries.propagation import Operand, propagate
from forgather_lint.libraries.shapes import differ, size_text
from forgather_lint.python.interpreter.library import OpFailure, Site
from forgather_lint.python.values.value import Known, Value

_MEAN = Known("mean")


@tensor_op("torch.nn.functional.cross_entropy", "torch.nn.functional.nll_loss")
def cross_entropy(
    site: Site, input: Value, target: Value, *_: Value, reduction: Value = _MEAN, **__: Value
) -> Value:
    """The mean loss over all targets; it needs all classes (dimension 1, or the only dimension)."""
    logits, labels = tensor(site, input), tensor(site, target, "target", 2)
    shape, expected = shape_of(logits), shape_of(labels)
    rows = shape[:1] if len(shape) > 1 else ()
    if rows and expected and differ(rows[0], expected[0]):
        raise OpFailure(
            "ValueError",
            f"Expected input batch_size ({size_text(rows[0])}) to match target batch_size "
            f"({size_text(expected[0])}).",
        )
    names = ("row", "class", *range(len(shape) - 2)) if rows else ("class",)
    kept = tuple(name for name in names if name != "class")
    operands = [Operand(logits, names, "argument")]
    if len(expected) == len(kept):
        operands.append(Operand(labels, kept, "argument"))
    reduced = reduction != Known("none")
    result_shape: Shape = () if reduced else expected
    placement = propagate(
        site, operands, () if reduced else kept, whole=names if reduced else ["class"]
    )
    return result(site, result_shape, placement, logits.dtype)

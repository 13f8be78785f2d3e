"""Matrix products: F.linear, matmul and `@`, bmm, addmm, outer; einsum is in `einsum`."""

from __future__ import annotations

from dataclasses import replace

from forgather_lint.facts.cause import Cause
from forgather_lint.facts.causes.placement import WidthsDiffer
from forgather_lint.libraries.dtypes import dtype_of, result_type
from forgather_lint.libraries.element_types import common_dtype, require_type
from forgather_lint.libraries.operands import (
    ONE,
    Shape,
    is_none,
    result,
    shape_of,
    tensor,
    tensor_op,
)
from forgather_lint.libraries.propagation import Labels, Operand, op_text, propagate
from forgather_lint.libraries.shapes import (
    broadcast,
    broadcast_labels,
    check_stretches,
    differ,
    numel,
    shape_text,
    size_text,
)
from forgather_lint.libraries.tokens import after_product
from forgather_lint.libraries.torch.elementwise import elementwise
from forgather_lint.libraries.torch.pointwise import check_operands
from forgather_lint.python.interpreter.library import OpFailure, Site
from forgather_lint.python.values.dims import Size
from forgather_lint.python.values.value import NONE, TensorValue, Value

PRODUCT = "mat1 and mat2 must have the same dtype, but got {left} and {right}"
_ADDED = "self and mat2 must have the same dtype, but got {right} and {left}"


@tensor_op("torch.nn.functional.linear")
def linear(site: Site, input: Value, weight: Value, bias: Value = NONE) -> Value:
    """`input @ weight.T + bias`; the weight is (out features, in features)."""
    left, right = tensor(site, input), tensor(site, weight, "weight", 2)
    matrix = shape_of(right)
    if len(matrix) == 1:
        return product(site, left, right)
    rows = shape_of(left)[:-1]
    _check_contracted(shape_of(left), (matrix[1], matrix[0]), ())
    labels: Labels = tuple(range(len(rows)))
    operands = [
        Operand(left, (*labels, "contracted")),
        Operand(right, ("column", "contracted")),
    ]
    placement = propagate(site, operands, (*labels, "column"))
    made = result(site, (*rows, matrix[0]), placement, common_dtype(site, [left, right], PRODUCT))
    if is_none(bias):
        return made
    addend = tensor(site, bias, "bias", 3)
    require_type(site, addend, made, _ADDED)
    check_stretches(shape_of(addend), (numel(rows), matrix[0]))
    return elementwise(site, [(made, "term"), (addend, "term")])


@tensor_op("torch.matmul", "Tensor.matmul", "operator.matmul", "operator.imatmul")
def matmul(site: Site, input: Value, other: Value) -> Value:
    check_operands(site, input, other)
    return product(site, tensor(site, input), tensor(site, other, "other", 2))


@tensor_op("torch.mm", "Tensor.mm", "torch.mv", "Tensor.mv", "torch.dot", "Tensor.dot")
def mm(site: Site, input: Value, mat2: Value, out_dtype: Value = NONE) -> Value:
    left, right = tensor(site, input), tensor(site, mat2, "mat2", 2)
    if op_text(site) == "mm":
        for name, operand in (("self", left), ("mat2", right)):
            if len(shape_of(operand)) != 2:
                raise OpFailure("RuntimeError", f"{name} must be a matrix")
    made = product(site, left, right)
    return made if is_none(out_dtype) else replace(made, dtype=dtype_of(out_dtype))


@tensor_op("torch.bmm", "Tensor.bmm")
def bmm(site: Site, input: Value, mat2: Value) -> Value:
    """Products of pairs of matrices, in a batch."""
    pair = tensor(site, input), tensor(site, mat2, "mat2", 2)
    for number, operand in enumerate(pair, 1):
        if len(shape_of(operand)) != 3:
            raise OpFailure("RuntimeError", f"batch{number} must be a 3D tensor")
    left, right = map(shape_of, pair)
    if differ(left[0], right[0]):
        raise _batches_differ(left[:1], left[2], right[:1], right[1])
    return product(site, *pair)


@tensor_op("torch.addmm", "Tensor.addmm")
def addmm(
    site: Site, input: Value, mat1: Value, mat2: Value, beta: Value = ONE, alpha: Value = ONE
) -> Value:
    """`beta * input + alpha * mat1 @ mat2`"""
    addend = tensor(site, input)
    made = product(site, tensor(site, mat1, "mat1", 2), tensor(site, mat2, "mat2", 3))
    check_stretches(shape_of(addend), shape_of(made))
    require_type(site, addend, made, _ADDED)
    return elementwise(site, [(made, "term"), (addend, "term")])


@tensor_op("torch.baddbmm", "Tensor.baddbmm")
def baddbmm(
    site: Site, input: Value, batch1: Value, batch2: Value, beta: Value = ONE, alpha: Value = ONE
) -> Value:
    """`beta * input + alpha * batch1 @ batch2`, in a batch."""
    addend = tensor(site, input)
    left, right = tensor(site, batch1, "batch1", 2), tensor(site, batch2, "batch2", 3)
    check_stretches(shape_of(addend), (*shape_of(left)[:2], shape_of(right)[-1]))
    made = tensor(site, bmm(site, left, right))
    require_type(site, addend, made, _ADDED)
    return elementwise(site, [(made, "term"), (addend, "term")])


@tensor_op("torch.linalg.solve_triangular")
def solve_triangular(site: Site, A: Value, B: Value, **_: Value) -> Value:
    """The X of `A @ X = B`, in a batch."""
    system, right = tensor(site, A, "A"), tensor(site, B, "B", 2)
    matrix, values = shape_of(system), shape_of(right)
    if differ(matrix[-2], matrix[-1]):
        raise OpFailure(
            "RuntimeError",
            "linalg.solve_triangular: A must be batches of square matrices, but they are "
            f"{size_text(matrix[-2])} by {size_text(matrix[-1])} matrices",
        )
    if differ(matrix[-1], values[-2]):
        raise OpFailure(
            "RuntimeError",
            "linalg.solve_triangular: Incompatible shapes of A and B for the equation AX = B "
            f"({size_text(matrix[-2])}x{size_text(matrix[-1])} and "
            f"{size_text(values[-2])}x{size_text(values[-1])})",
        )
    batch = broadcast(matrix[:-2], values[:-2])
    names: Labels = tuple(range(len(batch)))
    operands = [
        Operand(system, (*broadcast_labels(matrix[:-2], len(batch)), "row", "row"), "argument"),
        Operand(right, (*broadcast_labels(values[:-2], len(batch)), "row", "column")),
    ]
    placement = propagate(site, operands, (*names, "row", "column"), whole=["row"])
    return result(site, (*batch, *values[-2:]), placement, right.dtype)


@tensor_op("torch.outer", "Tensor.outer", "torch.ger")
def outer(site: Site, input: Value, vec2: Value) -> Value:
    pair = tensor(site, input), tensor(site, vec2, "vec2", 2)
    for name, operand in zip(("self", "vec2"), pair, strict=True):
        rank = len(shape_of(operand))
        if rank != 1:
            raise OpFailure(
                "RuntimeError", f"outer: Expected 1-D argument {name}, but got {rank}-D"
            )
    left, right = pair
    operands = [Operand(left, ("row",)), Operand(right, ("column",))]
    placement = propagate(site, operands, ("row", "column"))
    dtype = result_type([(left.dtype, 2), (right.dtype, 2)])
    return result(site, shape_of(left) + shape_of(right), placement, dtype)


def product(site: Site, left: TensorValue, right: TensorValue) -> TensorValue:
    """The matrix product of two tensors, with batch dimensions broadcast."""
    left_shape, right_shape = shape_of(left), shape_of(right)
    if not left_shape or not right_shape:
        raise OpFailure(
            "RuntimeError",
            "both arguments to matmul need to be at least 1D, but they are "
            f"{len(left_shape)}D and {len(right_shape)}D",
        )
    batch = broadcast(left_shape[:-2], right_shape[:-2])
    _check_contracted(left_shape, right_shape, batch)
    labels = (_left_labels(left_shape, len(batch)), _right_labels(right_shape, len(batch)))
    rows, columns = left_shape[-2:-1], right_shape[-1:] if len(right_shape) > 1 else ()
    names: Labels = (*range(len(batch)), *["row"] * len(rows), *["column"] * len(columns))
    operands = [Operand(left, labels[0]), Operand(right, labels[1])]
    placement = after_product(site, operands, names, propagate(site, operands, names))
    dtype = common_dtype(site, [left, right], PRODUCT)
    return result(site, (*batch, *rows, *columns), placement, dtype)


def _left_labels(shape: Shape, batch_rank: int) -> Labels:
    if len(shape) == 1:
        return ("contracted",)
    return (*broadcast_labels(shape[:-2], batch_rank), "row", "contracted")


def _right_labels(shape: Shape, batch_rank: int) -> Labels:
    if len(shape) == 1:
        return ("contracted",)
    return (*broadcast_labels(shape[:-2], batch_rank), "contracted", "column")


def _check_contracted(left: Shape, right: Shape, batch: Shape) -> None:
    """Raise torch's RuntimeError when the sizes to be summed over differ on a rank."""
    contracted = right[-2] if len(right) > 1 else right[0]
    if not differ(left[-1], contracted):
        return
    cause: Cause | None = None
    width, height, rows = size_text(left[-1]), size_text(contracted), size_text(numel(left[:-1]))
    if len(right) > 2:
        raise _batches_differ((numel(batch),), left[-1], (numel(batch),), contracted)
    if len(right) == 2:
        text = (
            f"mat1 and mat2 shapes cannot be multiplied ({rows}x{width} and "
            f"{height}x{size_text(right[1])})"
        )
        cause = WidthsDiffer(width, height)
    elif len(left) > 1:
        text = f"size mismatch, got input ({rows}), mat ({rows}x{width}), vec ({height})"
    else:
        text = (
            f"inconsistent tensor size, expected tensor [{width}] and src [{height}] to have the "
            f"same number of elements, but got {width} and {height} elements respectively"
        )
    raise OpFailure("RuntimeError", text, cause)


def _batches_differ(
    batch: Shape, width: Size | None, other_batch: Shape, height: Size | None
) -> OpFailure:
    return OpFailure(
        "RuntimeError",
        "Expected size for first two dimensions of batch2 tensor to be: "
        f"{shape_text((*batch, width))} but got: {shape_text((*other_batch, height))}.",
    )

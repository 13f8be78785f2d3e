"""`torch.einsum`: every letter is a label."""

from __future__ import annotations

from collections.abc import Iterable

from forgather_lint.libraries.dtypes import result_type
from forgather_lint.libraries.element_types import common_dtype
from forgather_lint.libraries.operands import (
    Shape,
    Undetermined,
    is_sequence,
    items,
    reason_of,
    result,
    shape_of,
    tensor,
    tensor_op,
)
from forgather_lint.libraries.propagation import Label, Labels, Operand, propagate
from forgather_lint.libraries.shapes import common_size, is_one, size_text
from forgather_lint.libraries.tokens import after_product
from forgather_lint.python.interpreter.library import OpFailure, Site
from forgather_lint.python.values.dims import Size
from forgather_lint.python.values.value import Known, TensorValue, Value

_MET = "expected scalar type {left} but found {right}"


@tensor_op("torch.einsum")
def einsum(site: Site, equation: Value, *operands: Value) -> Value:
    """`torch.einsum("bqd,bkd->bqk", query, key)`"""
    if not isinstance(equation, Known) or not isinstance(equation.value, str):
        raise Undetermined(reason_of(equation))
    given = (
        items(site, operands[0]) if len(operands) == 1 and is_sequence(operands[0]) else operands
    )
    tensors = [tensor(site, operand, "operands", 2) for operand in given]
    inputs, output = _parsed(equation.value)
    if len(inputs) != len(tensors):
        raise OpFailure("RuntimeError", _count_text(len(inputs) - len(tensors)))
    labels = [_labels(*each) for each in zip(inputs, tensors, range(len(tensors)), strict=True)]
    found = _sizes(tensors, labels)
    names = _result_labels(labels, output)
    given_labels = _without_ones(tensors, labels)
    placement = propagate(site, given_labels, names)
    placement = after_product(site, given_labels, names, placement)
    if len(tensors) > 1 and any(label not in names for each in labels for label in each):
        common_dtype(site, tensors, _MET)  # only what is summed over is a product of matrices
    dtype = result_type((each.dtype, 2) for each in tensors)
    return result(site, tuple(found.get(name, 1) for name in names), placement, dtype)


def _count_text(surplus: int) -> str:
    few = "fewer" if surplus > 0 else "more"
    return f"einsum(): {few} operands were provided than specified in the equation"


def _parsed(equation: str) -> tuple[list[str], str | None]:
    """The subscripts of the operands, and of the result if given; `.` stands for an ellipsis."""
    left, arrow, right = equation.replace(" ", "").replace("...", ".").partition("->")
    return left.split(","), right if arrow else None


def _labels(subscripts: str, operand: TensorValue, number: int) -> Labels:
    rank = len(shape_of(operand))
    letters = len(subscripts.replace(".", ""))
    if letters > rank or (letters < rank and "." not in subscripts):
        ellipsis = "" if "." in subscripts else " and no ellipsis was given"
        raise OpFailure(
            "RuntimeError",
            f"einsum(): the number of subscripts in the equation ({letters}) does not match the "
            f"number of dimensions ({rank}) for operand {number}{ellipsis}",
        )
    before, _, after = subscripts.partition(".")
    return (*before, *range(letters - rank, 0), *after)


def _sizes(tensors: list[TensorValue], labels: list[Labels]) -> dict[Label, Size | None]:
    found: dict[Label, Size | None] = {}
    for number, (operand, own) in enumerate(zip(tensors, labels, strict=True)):
        for label, size in zip(own, shape_of(operand), strict=True):
            known = found.get(label, 1)
            try:
                found[label] = common_size(known, size, 0)
            except OpFailure as failure:
                name = label if isinstance(label, str) else "..."
                raise OpFailure(
                    "RuntimeError",
                    f"einsum(): subscript {name} has size {size_text(size)} for operand {number} "
                    f"which does not broadcast with previously seen size {size_text(known)}",
                ) from failure
    return found


def _without_ones(tensors: list[TensorValue], labels: list[Labels]) -> list[Operand]:
    return [
        Operand(operand, _unless_one(shape_of(operand), own))
        for operand, own in zip(tensors, labels, strict=True)
    ]


def _unless_one(shape: Shape, labels: Labels) -> Labels:
    pairs = zip(shape, labels, strict=True)
    return tuple(None if is_one(size) else label for size, label in pairs)


def _result_labels(labels: list[Labels], output: str | None) -> Labels:
    every = [label for own in labels for label in own]
    dotted = sorted({label for label in every if isinstance(label, int)})
    if output is None:
        output = "." + "".join(_letters_used_once(every))
    before, dots, after = output.partition(".")
    for letter in before + after:
        if output.count(letter) > 1:
            text = f"output subscript {letter} appears more than once in the output"
            raise OpFailure("RuntimeError", f"einsum(): {text}")
        if letter not in every:
            text = (
                f"output subscript {letter} does not appear in the equation for any input operand"
            )
            raise OpFailure("RuntimeError", f"einsum(): {text}")
    return (*before, *(dotted if dots else ()), *after)


def _letters_used_once(labels: Iterable[object]) -> list[str]:
    letters = [label for label in labels if isinstance(label, str)]
    return sorted(letter for letter in letters if letters.count(letter) == 1)

"""Names of tensor element types, and the result type of an operation on several.

The rules are torch's (`torch.result_type`): tensors with dimensions come first, then tensors
without, then Python numbers; a later group counts only if it is of a higher kind.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from forgather_lint.python.values.value import Builtin, External, Known, Value

_ALIASES = {
    "float": "float32",
    "double": "float64",
    "half": "float16",
    "long": "int64",
    "int": "int32",
    "short": "int16",
    "cfloat": "complex64",
    "cdouble": "complex128",
}
_PYTHON = {"float": "float64", "int": "int64", "bool": "bool"}
_ORDER = (
    "bool",
    "uint8",
    "int8",
    "int16",
    "int32",
    "int64",
    "float16",
    "bfloat16",
    "float32",
    "float64",
    "complex64",
    "complex128",
)
_KIND_NAMES = ("int", "float", "complex")
DTYPES = frozenset(_ORDER) | {"float8_e4m3fn", "float8_e5m2"}


def dtype_named(name: str) -> str | None:
    """The torch name of a dtype given as `float`, `torch.half` or `torch.float32`.

    None for others.
    """
    short = name.removeprefix("torch.")
    short = _ALIASES.get(short, short)
    return short if short in DTYPES else None


def dtype_of(value: Value) -> str | None:
    """The dtype that a `dtype=` argument names; None when it names none or is not known."""
    if isinstance(value, Builtin):
        return _PYTHON.get(value.name)
    return dtype_named(value.name) if isinstance(value, External) else None


def dtype_of_number(value: Value, real: str) -> str | None:
    """The dtype that torch gives a Python number (a size is an integer); None for others.

    `real` is the dtype of real numbers: torch's default dtype.
    """
    number = value.value if isinstance(value, Known) else 0
    if isinstance(number, bool):
        return "bool"
    if isinstance(number, float):
        return real
    if isinstance(number, complex):
        return complex_of(real) or "complex64"
    return "int64"


@lru_cache(maxsize=64)
def kind(dtype: str) -> int:
    """The kind of a dtype: 0 for bool, 1 for integers, 2 for floating point, 3 for complex."""
    return next((kind for kind, part in enumerate(_KIND_NAMES, 1) if part in dtype), 0)


def complex_of(dtype: str | None) -> str | None:
    """The complex dtype whose parts are of `dtype`; None where there is none."""
    return {"float16": "complex32", "float32": "complex64", "float64": "complex128"}.get(
        dtype or ""
    )


def part_of(dtype: str | None) -> str | None:
    """The dtype of the parts of complex numbers; for real numbers their own."""
    parts = {"complex32": "float16", "complex64": "float32", "complex128": "float64"}
    return parts.get(dtype or "", dtype)


def promote(left: str, right: str) -> str | None:
    """The dtype of an operation on two tensors of one group; None where torch refuses."""
    if left == right:
        return left
    if left not in _ORDER or right not in _ORDER:
        return None
    if {left, right} == {"float16", "bfloat16"}:
        return "float32"
    if "uint8" in (left, right) and kind(left) == kind(right):
        other = left if right == "uint8" else right
        return "int16" if other == "int8" else other
    if {left, right} == {"complex64", "float64"}:
        return "complex128"
    return max(left, right, key=_ORDER.index)


def result_type(parts: Iterable[tuple[str | None, int]]) -> str | None:
    """The dtype of an operation on parts (dtype, weight), in torch's order of precedence.

    The weight is 2 for a tensor with dimensions, 1 for a tensor without, 0 for a Python number.
    """
    by_weight: dict[int, str | None] = {}
    for dtype, weight in parts:
        if dtype is None:
            return None
        so_far = by_weight.get(weight, dtype)
        by_weight[weight] = promote(so_far, dtype) if so_far else None
    if None in by_weight.values():
        return None
    result: str | None = None
    for weight in sorted(by_weight, reverse=True):
        candidate = by_weight[weight]
        if candidate and (result is None or kind(candidate) > kind(result)):
            result = candidate
    return result


def type_name_of(dtype: str | None) -> str:
    """The name that torch has for the elements in its messages: `Float`, `BFloat16`, `Long`."""
    return _TYPE_NAMES.get(dtype or "", "")


_TYPE_NAMES = {
    "bool": "Bool",
    "uint8": "Byte",
    "int8": "Char",
    "int16": "Short",
    "int32": "Int",
    "int64": "Long",
    "float16": "Half",
    "bfloat16": "BFloat16",
    "float32": "Float",
    "float64": "Double",
    "complex64": "ComplexFloat",
    "complex128": "ComplexDouble",
}

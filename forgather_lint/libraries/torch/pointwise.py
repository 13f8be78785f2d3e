"""Elementwise arithmetic, comparisons and functions: `a + b`, `torch.add`, `Tensor.exp_`."""

from __future__ import annotations

from collections.abc import Callable

from forgather_lint.libraries.dtypes import kind, type_name_of
from forgather_lint.libraries.element_types import require_type
from forgather_lint.libraries.operands import (
    is_none,
    is_number,
    is_plain,
    shape_of,
    tensor,
    tensor_op,
    type_name,
    value_op,
)
from forgather_lint.libraries.propagation import Role, op_text
from forgather_lint.libraries.shapes import broadcast
from forgather_lint.libraries.torch.elementwise import DtypeRule, elementwise
from forgather_lint.python.interpreter.library import Op, OpFailure, Site
from forgather_lint.python.values.value import FALSE, NONE, TRUE, Known, TensorValue, Value


def floating(dtype: str | None, default: str) -> str | None:
    """The dtype of a function on real numbers: for integers torch's default dtype."""
    return default if dtype is not None and kind(dtype) < 2 else dtype


def without_kernel(name: str, refused: Callable[[str], bool]) -> DtypeRule:
    """The rule of a function of which torch has no kernel for the dtypes that are `refused`."""

    def rule(dtype: str | None, _: str) -> str | None:
        if dtype is not None and refused(dtype):
            text = f"\"{name}\" not implemented for '{type_name_of(dtype)}'"
            raise OpFailure("NotImplementedError", text)
        return dtype

    return rule


def of_reals(name: str) -> DtypeRule:
    """The rule of a function that takes neither integers nor truth values."""
    return without_kernel(name, lambda dtype: kind(dtype) < 2)


def of_numbers(name: str) -> DtypeRule:
    """The rule of a function that does not take truth values."""
    return without_kernel(name, lambda dtype: dtype == "bool")


def of_bits(name: str) -> DtypeRule:
    """The rule of a function of the bits of integers and truth values."""
    return without_kernel(name, lambda dtype: kind(dtype) >= 2)


def boolean(*_: str | None) -> str | None:
    """The dtype of a comparison."""
    return "bool"


def same(dtype: str | None, _: str) -> str | None:
    """The dtype of arithmetic: that of the operands."""
    return dtype


def _squared(dtype: str | None, _: str) -> str | None:
    """The dtype of a square: int64 for truth values, which are raised to the power 2."""
    return "int64" if dtype == "bool" else dtype


def _negated(dtype: str | None, _: str) -> str | None:
    if dtype == "bool":
        text = "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to"
        hint = "invert a mask, use the `~` or `logical_not()` operator instead."
        raise OpFailure("RuntimeError", f"{text} {hint}")
    return dtype


def _inverted(dtype: str | None, _: str) -> str | None:
    if dtype is not None and kind(dtype) >= 2:
        text = "~ (operator.invert) is only implemented on integer and Boolean-type tensors"
        raise OpFailure("TypeError", text)
    return dtype


# torch's names, the names of Python's operators, how either operand is treated, the result's dtype.
_BINARY: tuple[tuple[str, str, Role, Role, DtypeRule], ...] = (
    ("add", "add iadd", "term", "term", same),
    ("sub subtract", "sub isub", "term", "term", same),
    ("mul multiply", "mul imul", "factor", "factor", same),
    ("true_divide", "truediv itruediv", "factor", "argument", floating),
    ("floor_divide", "floordiv ifloordiv", "argument", "argument", of_numbers("div_floor")),
    ("remainder fmod", "mod imod", "argument", "argument", of_numbers("remainder")),
    ("pow", "pow ipow", "argument", "argument", of_numbers("pow")),
    ("bitwise_and", "and_ iand", "argument", "argument", of_bits("bitwise_and")),
    ("bitwise_or", "or_ ior", "argument", "argument", of_bits("bitwise_or")),
    ("bitwise_xor", "xor ixor", "argument", "argument", of_bits("bitwise_xor")),
    ("bitwise_left_shift", "lshift ilshift", "argument", "argument", of_bits("lshift")),
    ("bitwise_right_shift", "rshift irshift", "argument", "argument", of_bits("rshift")),
    ("lt less", "lt", "argument", "argument", boolean),
    ("le less_equal", "le", "argument", "argument", boolean),
    ("gt greater", "gt", "argument", "argument", boolean),
    ("ge greater_equal", "ge", "argument", "argument", boolean),
    ("atan2 arctan2 xlogy", "", "argument", "argument", floating),
    ("logaddexp", "", "argument", "argument", of_reals("logaddexp")),
    ("logical_and logical_or logical_xor", "", "argument", "argument", boolean),
)

_SYMBOLS = {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "truediv": "/",
    "floordiv": "//",
    "matmul": "@",
    "mod": "%",
    "pow": "** or pow()",
    "and": "&",
    "or": "|",
    "xor": "^",
    "lshift": "<<",
    "rshift": ">>",
}
_ORDERINGS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">="}

_REAL_FUNCTIONS = (
    "exp exp2 expm1 log log2 log10 log1p sqrt rsqrt reciprocal sin cos tan sinh cosh tanh asin "
    "acos atan asinh acosh atanh arcsin arccos arctan erf erfc erfinv sigmoid logit sinc lgamma "
    "digamma"
)
_KEEPING_FUNCTIONS = "sign sgn nan_to_num"
_OF_NUMBERS = "abs absolute relu floor ceil round trunc fix frac"
_TESTS = "isnan isinf isfinite isposinf isneginf logical_not signbit"

_NOT_IN_PLACE = frozenset(
    "maximum minimum fmax fmin logaddexp isclose isnan isinf isfinite isposinf isneginf signbit "
    "positive".split()
)


def _names(short_names: str, operators: str = "") -> list[str]:
    methods = [form for name in short_names.split() for form in _forms(name)]
    return methods + [f"operator.{name}" for name in operators.split()]


def _forms(name: str) -> list[str]:
    forms = [f"torch.{name}", f"Tensor.{name}"]
    return forms if name in _NOT_IN_PLACE else [*forms, f"Tensor.{name}_"]


def _binary(left: Role, right: Role, rule: DtypeRule) -> Op:
    def binary(site: Site, input: Value, other: Value, **_: Value) -> Value:
        check_operands(site, input, other)
        if _is_difference(site):
            _check_difference(input, other)
        return elementwise(site, [(input, left), (other, right)], rule)

    return binary


def _is_difference(site: Site) -> bool:
    return site.name.rpartition(".")[2] in ("sub", "sub_", "isub", "subtract", "subtract_")


def _check_difference(left: Value, right: Value) -> None:
    """Raise what torch does where truth values are subtracted, or are subtracted from."""
    truths = [isinstance(each, TensorValue) and each.dtype == "bool" for each in (left, right)]
    if not any(truths):
        return
    what = "with two bool tensors" if all(truths) else "with a bool tensor"
    instead = "If you are trying to invert a mask, use the `~` or `logical_not()` operator instead."
    if all(truths):
        instead = "Use the `^` or `logical_xor()` operator instead."
    text = f"Subtraction, the `-` operator, {what} is not supported. {instead}"
    raise OpFailure("RuntimeError", text)


def unary(role: Role, rule: DtypeRule) -> Op:
    """An elementwise op on one tensor; further arguments do not matter."""

    def function(site: Site, input: Value, *_: Value, **__: Value) -> Value:
        return elementwise(site, [(tensor(site, input), role)], rule)

    return function


def check_operands(site: Site, left: Value, right: Value) -> None:
    """Raise Python's or torch's TypeError for a container, or a constant that is no number."""
    for position, operand in enumerate((left, right), 1):
        is_constant = isinstance(operand, Known) and not is_number(operand)
        if not is_constant and not (is_plain(operand) and _takes_no_sequence(site)):
            continue
        if site.name.startswith("operator."):
            raise OpFailure("TypeError", _operator_refusal(site, left, right))
        argument = "input" if position == 1 else "other"
        raise OpFailure(
            "TypeError",
            f"{op_text(site)}(): argument '{argument}' (position {position}) must be Tensor, "
            f"not {type_name(operand)}",
        )


def _takes_no_sequence(site: Site) -> bool:
    """Whether the operator is no `*`: `[x] * tensor` repeats the list for a single number."""
    return site.name not in ("operator.mul", "operator.imul")


def _operator_refusal(site: Site, left: Value, right: Value) -> str:
    name = op_text(site)
    names = f"'{type_name(left)}' and '{type_name(right)}'"
    if name in _ORDERINGS:
        return f"'{_ORDERINGS[name]}' not supported between instances of {names}"
    in_place = name not in _SYMBOLS and name[1:] in _SYMBOLS
    symbol = f"{_SYMBOLS[name[1:]]}=" if in_place else _SYMBOLS[name]
    return f"unsupported operand type(s) for {symbol}: {names}"


for _torch_names, _operators, _left, _right, _rule in _BINARY:
    tensor_op(*_names(_torch_names, _operators))(_binary(_left, _right, _rule))
tensor_op(*_names(_REAL_FUNCTIONS))(unary("argument", floating))
tensor_op(*_names(_KEEPING_FUNCTIONS))(unary("argument", same))
for _name in _OF_NUMBERS.split():
    tensor_op(*_names(_name))(unary("argument", of_numbers(_name)))
tensor_op("operator.abs")(unary("argument", of_numbers("abs")))
tensor_op(*_names("square"))(unary("argument", _squared))
tensor_op(*_names(_TESTS))(unary("argument", boolean))
tensor_op(*_names("bitwise_not"), "operator.invert")(unary("argument", _inverted))
tensor_op(*_names("neg negative"), "operator.neg")(unary("factor", _negated))
tensor_op(*_names("positive"), "operator.pos")(unary("factor", same))


@value_op("operator.eq", "operator.ne", *_names("eq ne not_equal"))
def equal(site: Site, input: Value, other: Value) -> Value:
    """`==` or `!=`; with None, Python compares identity."""
    if is_none(input) or is_none(other):
        return FALSE if site.name == "operator.eq" else TRUE
    return elementwise(site, [(input, "argument"), (other, "argument")], boolean)


@tensor_op(*_names("maximum minimum fmax fmin"))
def larger(site: Site, input: Value, other: Value, **_: Value) -> Value:
    """The larger or smaller of two tensors, of which neither may be a number."""
    pair = tensor(site, input), tensor(site, other, "other", 2)
    return elementwise(site, [(each, "argument") for each in pair])


@tensor_op("torch.isclose", "Tensor.isclose")
def isclose(site: Site, input: Value, other: Value, *_: Value, **__: Value) -> Value:
    first, second = tensor(site, input), tensor(site, other, "other", 2)
    require_type(site, second, first, "{left} did not match {right}")
    return elementwise(site, [(first, "argument"), (second, "argument")], boolean)


@tensor_op(*_names("div divide"))
def div(site: Site, input: Value, other: Value, rounding_mode: Value = NONE) -> Value:
    """Division; with rounding it is not linear any more."""
    check_operands(site, input, other)
    if is_none(rounding_mode):
        return elementwise(site, [(input, "factor"), (other, "argument")], floating)
    return elementwise(site, [(input, "argument"), (other, "argument")])


@tensor_op(*_names("clamp clip"))
def clamp(site: Site, input: Value, min: Value = NONE, max: Value = NONE) -> Value:
    bounds = [bound for bound in (min, max) if not is_none(bound)]
    if not bounds:
        text = "torch.clamp: At least one of 'min' or 'max' must not be None"
        raise OpFailure("RuntimeError", text)
    return elementwise(site, [(each, "argument") for each in (tensor(site, input), *bounds)])


@tensor_op(*_names("clamp_min clamp_max"))
def clamp_one_side(site: Site, input: Value, min: Value = NONE, max: Value = NONE) -> Value:
    return clamp(site, input, max if is_none(min) else min)


@tensor_op(*_names("addcmul addcdiv"))
def addcmul(site: Site, input: Value, tensor1: Value, tensor2: Value, value: Value = TRUE) -> Value:
    """`input + value * tensor1 * tensor2`, or `/ tensor2`."""
    broadcast(*(shape_of(tensor(site, each)) for each in (input, tensor1, tensor2)))
    second: Role = "factor" if op_text(site) == "addcmul" else "argument"
    product = elementwise(
        Site(site.evaluator, site.where, op_text(site)),
        [(tensor1, "factor"), (tensor2, second), (value, "factor")],
    )
    return elementwise(site, [(input, "term"), (product, "term")], of_numbers(op_text(site)))


_BLENDED = "expected dtype {left} but got dtype {right}"


@tensor_op(*_names("lerp"))
def lerp(site: Site, input: Value, end: Value, weight: Value) -> Value:
    """`input + weight * (end - input)`."""
    of_reals("lerp")(tensor(site, input).dtype, "")
    for each in (end, weight):
        if isinstance(each, TensorValue) and isinstance(input, TensorValue):
            require_type(site, each, input, _BLENDED)
    operands: list[tuple[Value, Role]] = [(input, "term"), (end, "term"), (weight, "argument")]
    return elementwise(site, operands)

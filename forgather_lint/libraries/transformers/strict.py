"""What a config of transformers 5 checks of itself: types of layers, of fields, and what it asks.

Source: huggingface_hub/dataclasses.py, `strict`, which decorates `PreTrainedConfig` and whatever
class an author decorates with it. Of a class without it only the checks of the base are run.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import libcst as cst

from forgather_lint.core.port import port_of
from forgather_lint.core.source import Place
from forgather_lint.python.interpreter.classes import order_of
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.values.objects import BoundMethod, ClassValue, FunctionValue, Instance
from forgather_lint.python.values.value import (
    Arguments,
    DictValue,
    External,
    Known,
    ListValue,
    TupleValue,
    Value,
)

if TYPE_CHECKING:
    from forgather_lint.python.interpreter.machine import Machine

_LAYER_TYPES = "validate_layer_type"
_KINDS = {"int": int, "float": float, "str": str, "bool": bool, "None": type(None)}


def is_strict(cls: ClassValue) -> bool:
    """Whether a config class checks what its generated `__init__` has made."""
    return any(
        isinstance(each, External) and each.name.rpartition(".")[2] == "strict"
        for each in cls.decorators
    )


def refuse_positional(machine: Machine, cls: str, given: int, where: Place) -> None:
    """The fields of a config are keywords."""
    if given and machine.environment.fields_generated:
        text = f"{cls} accepts only keyword arguments, but found `{given}` positional args."
        raise Raised("ValueError", text, where)


@port_of("transformers/configuration_utils.py", "validate_layer_type")
@port_of("transformers/configuration_utils.py", "layer_type_validation")
def check_layer_types(machine: Machine, config: Instance, where: Place) -> None:
    """Refuse types of layers that the release does not know, and a list of another length.

    The second list is looked at only where there is the first.
    """
    rules, layers = machine.environment.layer_types, config.attributes.get("num_hidden_layers")
    if rules is None or layers is None:
        return
    for name, allowed in rules.allowed.items():
        given = config.attributes.get(name)
        if not isinstance(given, ListValue | TupleValue):
            return
        types = [each.value if isinstance(each, Known) else None for each in given.items]
        if None in types or (isinstance(given, ListValue) and given.rest is not None):
            return
        if any(each not in allowed for each in types):
            text = rules.unknown.format(name=name, allowed=allowed, types=types)
        elif isinstance(layers, Known) and layers.value not in (None, len(types)):
            text = rules.length.format(name=name, layers=layers.value, types=len(types))
        else:
            continue
        raise _of_validator(_LAYER_TYPES, Raised("ValueError", text, where), where)


def check_strict(machine: Machine, config: Instance, cls: ClassValue, where: Place) -> None:
    """Call every `validate_...` of the strict class `cls`, its own and those of its bases."""
    own: dict[str, FunctionValue] = {}
    for entry in order_of(machine, cls):
        if isinstance(entry, ClassValue):
            for name, value in entry.namespace.items():
                if name.startswith("validate_") and isinstance(value, FunctionValue):
                    own.setdefault(name, value)
    if _LAYER_TYPES not in own:
        check_layer_types(machine, config, where)
    for name, validator in sorted(own.items()):
        try:
            machine.call(BoundMethod(config, validator), Arguments(), where)
        except Raised as error:
            if error.kind not in ("ValueError", "TypeError"):
                raise
            raise _of_validator(name, error, error.where) from None


def _of_validator(name: str, error: Raised, where: Place) -> Raised:
    text = f"Class validation error for validator '{name}': {error.shown}"
    return Raised("StrictDataclassClassValidationError", text, where, doubt=error.doubt)


def check_field(machine: Machine, cls: ClassValue, name: str, value: Value, where: Place) -> None:
    """Refuse a value that is of no type of the field `name` of a strict class."""
    shown = _plain_type(value)
    annotation = next(_annotations(machine, cls, name), None)
    if shown is None or annotation is None:
        return
    kinds = [*_alternatives(annotation)]
    if None in kinds or shown in kinds:
        return
    expected = " | ".join(each or "" for each in kinds)
    held = f" (value: {value.value!r})" if isinstance(value, Known) else ""
    text = f"Field '{name}' expected {expected}, got {shown}{held}"
    message = f"Validation error for field '{name}': TypeError: {text}"
    raise Raised("StrictDataclassFieldValidationError", message, where)


def _plain_type(value: Value) -> str | None:
    if isinstance(value, ListValue):
        return "list"
    if isinstance(value, DictValue):
        return "dict"
    if not isinstance(value, Known):
        return None
    return next((name for name, kind in _KINDS.items() if type(value.value) is kind), None)


def _annotations(machine: Machine, cls: ClassValue, name: str) -> Iterator[cst.BaseExpression]:
    """The annotations of the field, the nearest first, but for those that are kept as texts."""
    for entry in order_of(machine, cls):
        if not isinstance(entry, ClassValue) or entry.node is None:
            continue
        for line in entry.node.body.body:
            for small in line.body if isinstance(line, cst.SimpleStatementLine) else ():
                if isinstance(small, cst.AnnAssign) and isinstance(small.target, cst.Name):
                    texts = "annotations" in entry.scope.namespace.globals  # from __future__
                    if small.target.value == name and not texts:
                        yield small.annotation.annotation


def _alternatives(annotation: cst.BaseExpression) -> Iterator[str | None]:
    """The types that `int | None` or `Optional[int]` allows; None is said of any other text."""
    if isinstance(annotation, cst.BinaryOperation) and isinstance(annotation.operator, cst.BitOr):
        yield from _alternatives(annotation.left)
        yield from _alternatives(annotation.right)
    elif isinstance(annotation, cst.Name):
        known = annotation.value in _KINDS or annotation.value in ("list", "dict")
        yield annotation.value if known else None
    elif isinstance(annotation, cst.Subscript) and isinstance(annotation.value, cst.Name):
        outer, inner = annotation.value.value, [each.slice for each in annotation.slice]
        parts = [each.value for each in inner if isinstance(each, cst.Index)]
        if outer in ("list", "dict"):
            yield outer
        elif outer in ("Optional", "Union"):
            for part in parts:
                yield from _alternatives(part)
            if outer == "Optional":
                yield "None"
        else:
            yield None
    else:
        yield None

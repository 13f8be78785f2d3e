"""How a config of transformers 5 validates itself: layer types, types of fields, own validators.

Source: huggingface_hub/dataclasses.py, `strict`, which decorates `PreTrainedConfig` and any class
that its author decorates with it. For a class without it only the checks of the base class are run.
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
from forgather_lint.python.values.type_names import type_name
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


def is_strict(cls: ClassValue) -> bool:
    """Whether a config class validates what its generated `__init__` has set."""
    return any(
        isinstance(each, External) and each.name.rpartition(".")[2] == "strict"
        for each in cls.decorators
    )


def refuse_positional(machine: Machine, cls: str, given: int, where: Place) -> None:
    """Raises for positional arguments: the fields of a config are keywords."""
    if given and machine.environment.fields_generated:
        text = f"{cls} accepts only keyword arguments, but found `{given}` positional args."
        raise Raised("ValueError", text, where)


@port_of("transformers/configuration_utils.py", "validate_layer_type")
@port_of("transformers/configuration_utils.py", "layer_type_validation")
def check_layer_types(machine: Machine, config: Instance, where: Place) -> None:
    """Raises for layer types that the release does not know, and for a list of the wrong length.

    The second list is looked at only where the first is set.
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
    """Call every `validate_...` of the strict class `cls` and of its bases."""
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
    """Raises for a value that has no type of the field `name` of a strict class.

    Source: huggingface_hub/dataclasses.py, `type_validator`.
    """
    annotation = next(_annotations(machine, cls, name), None)
    misfit = _misfit(name, value, annotation) if annotation is not None else ""
    if misfit:
        text = f"Validation error for field '{name}': TypeError: {misfit}"
        raise Raised("StrictDataclassFieldValidationError", text, where)


def _misfit(name: str, value: Value, annotation: cst.BaseExpression) -> str:
    """The error for a value that surely has no type that `annotation` allows, else "".

    An annotation that is not understood here allows everything.
    """
    alternatives = _alternatives(annotation)
    if alternatives:
        fits = not all(_misfit(name, value, each) for each in alternatives)
        shown = f" with value {value.value!r}" if isinstance(value, Known) else ""
        return "" if fits else f"Field '{name}'{shown} doesn't match any type"
    if not isinstance(value, Known | ListValue | TupleValue | DictValue):
        return ""
    kind = type_name(value)
    if isinstance(annotation, cst.Name) and annotation.value in _TYPES:
        if kind == _TYPES[annotation.value]:
            return ""
        held = f" (value: {value.value!r})" if isinstance(value, Known) else ""
        return f"Field '{name}' expected {annotation.value}, got {kind}{held}"
    if isinstance(annotation, cst.Subscript) and isinstance(annotation.value, cst.Name):
        outer = annotation.value.value
        if outer in _CONTAINERS and kind != outer:
            return f"Field '{name}' expected a {outer}, got {kind}"
        if outer == "list" and isinstance(value, ListValue):
            return _misfit_of_items(name, value, annotation)
    return ""


def _misfit_of_items(name: str, value: ListValue, annotation: cst.Subscript) -> str:
    for place, item in enumerate(value.items):
        if any(_misfit(f"{name}[{place}]", item, each) for each in _within(annotation)):
            return f"Invalid item at index {place} in list '{name}'"
    return ""


_CONTAINERS = ("list", "dict", "tuple")
_TYPES = {each: each for each in ("int", "float", "str", "bool", *_CONTAINERS)} | {
    "None": "NoneType"
}
"""Annotations that are a type without parameters, each with the Python name of that type."""


def _annotations(machine: Machine, cls: ClassValue, name: str) -> Iterator[cst.BaseExpression]:
    """The annotations of the field, the nearest class first; those kept as text are left out."""
    for entry in order_of(machine, cls):
        if not isinstance(entry, ClassValue) or entry.node is None:
            continue
        for line in entry.node.body.body:
            for small in line.body if isinstance(line, cst.SimpleStatementLine) else ():
                if isinstance(small, cst.AnnAssign) and isinstance(small.target, cst.Name):
                    texts = "annotations" in entry.scope.namespace.globals  # from __future__
                    if small.target.value == name and not texts:
                        yield small.annotation.annotation


def _alternatives(annotation: cst.BaseExpression) -> list[cst.BaseExpression]:
    """The annotations that `int | None`, `Optional[int]` or `Union[...]` combines."""
    if isinstance(annotation, cst.BinaryOperation) and isinstance(annotation.operator, cst.BitOr):
        return [annotation.left, annotation.right]
    named = annotation.value if isinstance(annotation, cst.Subscript) else None
    if isinstance(annotation, cst.Subscript) and isinstance(named, cst.Name):
        if named.value == "Optional":
            return [*_within(annotation), cst.Name("None")]
        if named.value == "Union":
            return _within(annotation)
    return []


def _within(annotation: cst.Subscript) -> list[cst.BaseExpression]:
    slices = (each.slice for each in annotation.slice)
    return [each.value for each in slices if isinstance(each, cst.Index)]

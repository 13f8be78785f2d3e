"""How a config of transformers 5 validates itself: layer types, types of fields, own validators.

Source: huggingface_hub/dataclasses.py, `strict`, which decorates `PreTrainedConfig` and any class
that its author decorates with it. For a class without it only the checks of the base class are run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forgather_lint.core.port import port_of
from forgather_lint.core.source import Place
from forgather_lint.libraries.transformers.field_types import annotations_of, misfit_of
from forgather_lint.libraries.transformers.field_validators import validators_of
from forgather_lint.libraries.transformers.rope import check_rope
from forgather_lint.python.interpreter.classes import order_of
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.values.objects import BoundMethod, ClassValue, FunctionValue, Instance
from forgather_lint.python.values.value import (
    Arguments,
    External,
    Known,
    ListValue,
    TupleValue,
    Unknown,
    Value,
)

if TYPE_CHECKING:
    from forgather_lint.python.interpreter.machine import Machine

_LAYER_TYPES, _ROPE = "validate_layer_type", "validate_rope"


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


def check_base(machine: Machine, config: Instance, where: Place) -> None:
    """Run the checks of the base class. Raises what they raise."""
    check_layer_types(machine, config, where)
    if machine.environment.fields_generated:
        check_rope(machine, config, where)


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
    if _ROPE not in own:
        check_rope(machine, config, where)
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


def check_assigned(
    machine: Machine, target: Instance, name: str, value: Value, where: Place
) -> None:
    """Raises for a value that the field `name` of the config `target` does not take.

    The `__setattr__` of a strict class is inherited: it looks at whatever is assigned to one of its
    fields, also where the class of the config is not strict itself.
    """
    bases = order_of(machine, target.cls) if isinstance(target.cls, ClassValue) else ()
    classes = [each for each in bases if isinstance(each, ClassValue)]
    strict = next((place for place, each in enumerate(classes) if is_strict(each)), None)
    declaring = (each for each in classes[strict:] if name in annotations_of(each))
    owner = next(declaring, None) if strict is not None else None
    if owner is not None and "annotations" not in owner.scope.namespace.globals:
        # What `from __future__ import annotations` keeps as text is not looked at.
        _check_field(machine, owner, name, value, where)


def _check_field(
    machine: Machine, owner: ClassValue, name: str, value: Value, where: Place
) -> None:
    """Raises for a value that has no type of the field, or that a validator of it refuses."""
    default = owner.namespace.get(name)
    if isinstance(value, Unknown) and isinstance(default, Unknown):
        return  # the default of a field that is made in a way that is not followed
    misfit = misfit_of(machine, owner.scope, name, value, annotations_of(owner)[name])
    if isinstance(misfit, Unknown):
        machine.leave_unproved(Unknown(misfit.reason, misfit.where or where, misfit.detail))
    elif misfit:
        raise _of_field(name, f"TypeError: {misfit}", where)
    if isinstance(default, Unknown):
        machine.leave_unproved(Unknown("validator-not-followed", where, name))
    for validator in validators_of(default):
        try:
            machine.call(validator, Arguments([value]), where)
        except Raised as error:
            if error.kind not in ("ValueError", "TypeError"):
                raise
            raise _of_field(name, error.shown, where) from None


def _of_field(name: str, error: str, where: Place) -> Raised:
    text = f"Validation error for field '{name}': {error}"
    return Raised("StrictDataclassFieldValidationError", text, where)

"""What `nn.Module` keeps under which name, and what it refuses, in torch's words.

Source: torch/nn/modules/module.py, `__setattr__`, `register_buffer`, `register_parameter` and
`add_module`. They read a module as torch does: parameters, buffers and child modules each in a dict
of their own, apart from what Python keeps.
"""

from __future__ import annotations

from forgather_lint.core.source import Place
from forgather_lint.libraries import names
from forgather_lint.libraries.dtypes import kind, type_name_of
from forgather_lint.python.interpreter.classes import find_member, library_bases, order_of
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values.objects import ClassValue, FunctionValue, Instance
from forgather_lint.python.values.type_names import type_name
from forgather_lint.python.values.value import (
    NONE,
    TRUE,
    Builtin,
    Choice,
    External,
    Known,
    TensorValue,
    Unknown,
    Value,
    known,
)

PARAMETERS, MODULE = "parameters", "module"
_BEGUN = "a constructor of torch has begun"


def note_begun(machine: Machine, module: Value) -> None:
    """A constructor of torch begins to run on `module`, which then can keep parts."""
    if isinstance(module, Instance):
        machine.trail.set_key(module.notes, _BEGUN, TRUE)


def has_begun(module: Instance) -> bool:
    """Whether a constructor of torch has begun to run on `module`."""
    return _BEGUN in module.notes


def note_none(machine: Machine, target: Instance, name: str, kept_as: str) -> None:
    """`name` stays registered as one of the `parameters` of `target`, or as a `module`: as None."""
    machine.trail.set_key(target.notes, _none(name), known(kept_as))


def _kind_of_none(target: Instance, name: str, before: Value) -> str | None:
    noted = target.notes.get(_none(name)) if before == NONE else None
    return noted.value if isinstance(noted, Known) and isinstance(noted.value, str) else None


def _none(name: str) -> str:
    return f"{name} is registered as None"


def check_assigned(
    machine: Machine, target: Instance, name: str, value: Value, where: Place
) -> None:
    """Raise what `target.name = value` surely raises, where `target` is an `nn.Module`."""
    if isinstance(value, Choice | Unknown):
        return
    kept_as = _kind(machine, value)
    if kept_as is not None:
        _check_begun(machine, target, f"cannot assign {kept_as}", where)
        return
    before = target.attributes.get(name)
    if before is None or name in target.hidden:
        return
    held = _kind(machine, before) or _kind_of_none(target, name, before)
    if value == NONE:
        if held is not None:
            note_none(machine, target, name, held)
        return
    if held == PARAMETERS and _may_be_cast(before, value):
        return
    if held == PARAMETERS:
        what, wanted = "parameter", "torch.nn.Parameter or None"
    elif held == MODULE:
        what, wanted = "child module", "torch.nn.Module or None"
    elif name in target.buffers and not isinstance(value, TensorValue):
        what, wanted = "buffer", "torch.nn.Buffer, torch.Tensor or None"
    else:
        return
    text = f"cannot assign '{type_text(value)}' as {what} '{name}' ({wanted} expected)"
    raise Raised("TypeError", text, where)


def _may_be_cast(parameter: Value, value: Value) -> bool:
    """Whether `value` may be the parameter itself, as a cast to the type that it has returns it.

    Which type it is of while it is served is not known here.
    """
    if not (isinstance(parameter, TensorValue) and isinstance(value, TensorValue)):
        return False
    types = parameter.dtype, value.dtype
    real = all(each is None or kind(each) >= 2 for each in types)
    return real and (types[0] != types[1] or None in types)


def _kind(machine: Machine, value: Value) -> str | None:
    """In which dict of its own torch keeps the value, by the word of its message; None: in none."""
    if isinstance(value, TensorValue):
        return PARAMETERS if value.is_parameter else None
    return MODULE if is_module(machine, value) else None


def is_module(machine: Machine, value: Value) -> bool:
    """Whether `value` is an `nn.Module`."""
    return machine.is_instance_of(value, names.MODULE)


def _check_begun(machine: Machine, target: Instance, what: str, where: Place) -> None:
    if has_begun(target) or target.open is not None or not isinstance(target.cls, ClassValue):
        return
    if all(isinstance(each, ClassValue | External) for each in order_of(machine, target.cls)):
        raise Raised("AttributeError", f"{what} before Module.__init__() call", where)


def check_buffer(machine: Machine, target: Instance, name: str, value: Value, where: Place) -> None:
    """Raise what `target.register_buffer(name, value)` surely raises."""
    _check_begun(machine, target, "cannot assign buffer", where)
    _check_name("buffer", name, where)
    if name not in target.buffers:
        _check_free(machine, target, name, where)
    if not isinstance(value, TensorValue | Choice | Unknown) and value != NONE:
        text = f"cannot assign '{type_text(value)}' object to buffer '{name}'"
        raise Raised("TypeError", f"{text} (torch Tensor or None required)", where)


def check_parameter(
    machine: Machine, target: Instance, name: str, value: Value, where: Place
) -> None:
    """Raise what `target.register_parameter(name, value)` surely raises."""
    _check_begun(machine, target, "cannot assign parameter", where)
    _check_name("parameter", name, where)
    before = target.attributes.get(name)
    if not (isinstance(before, TensorValue) and before.is_parameter):
        _check_free(machine, target, name, where)
    if isinstance(value, Choice | Unknown) or value == NONE:
        return
    if not (isinstance(value, TensorValue) and value.is_parameter):
        text = f"cannot assign '{type_text(value)}' object to parameter '{name}'"
        raise Raised("TypeError", f"{text} (torch.nn.Parameter or None required)", where)


def check_child(machine: Machine, target: Instance, name: str, value: Value, where: Place) -> None:
    """Raise what `target.add_module(name, value)` surely raises."""
    check_is_module(machine, value, where)
    before = target.attributes.get(name)
    if before is None or not is_module(machine, before):
        _check_free(machine, target, name, where)
    if "." in name:
        raise Raised("KeyError", repr(f'module name can\'t contain ".", got: {name}'), where)
    _check_name("module", name, where)


def check_is_module(machine: Machine, value: Value, where: Place) -> None:
    """Raise what adding a child raises that surely is no module."""
    if isinstance(value, Choice | Unknown) or value == NONE:
        return
    if isinstance(value, External) and not value.name.startswith("torch."):
        return  # another package may have an object of that name
    if isinstance(value, Instance) and not _surely_no_module(machine, value):
        return
    raise Raised("TypeError", f"{type_text(value)} is not a Module subclass", where)


def _surely_no_module(machine: Machine, value: Instance) -> bool:
    bases = order_of(machine, value.cls)
    known = not any(isinstance(each, Unknown) for each in bases)
    return known and names.MODULE not in library_bases(machine, value.cls)


def _check_name(what: str, name: str, where: Place) -> None:
    if "." in name:
        raise Raised("KeyError", repr(f'{what} name can\'t contain "."'), where)
    if not name:
        raise Raised("KeyError", repr(f'{what} name can\'t be empty string ""'), where)


def _check_free(machine: Machine, target: Instance, name: str, where: Place) -> None:
    """Raise what torch raises where `target` has another attribute of that name."""
    before = target.attributes.get(name)
    taken = before is not None and not isinstance(before, Choice | Unknown)
    if before == NONE:  # one that a constructor of torch has left out is registered as None
        taken = name in target.places and _none(name) not in target.notes
    member = find_member(machine, target.cls, name)
    taken = taken or (member is not None and not isinstance(member.value, Unknown))
    if taken:
        raise Raised("KeyError", repr(f"attribute '{name}' already exists"), where)


def type_text(value: Value) -> str:
    """The type as `torch.typename` gives it, for a tensor without its device."""
    if isinstance(value, TensorValue):
        return f"torch.{type_name_of(value.dtype)}Tensor"
    if isinstance(value, FunctionValue):
        return f"{value.scope.namespace.name}.{value.name}"
    named = value.cls if isinstance(value, Instance) else value
    if isinstance(named, ClassValue | External):
        return named.qualified if isinstance(named, ClassValue) else named.name
    return value.name if isinstance(value, Builtin) else type_name(value)

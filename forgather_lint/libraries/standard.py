"""The library that the interpreter is run with: torch, transformers and the standard library."""

from __future__ import annotations

import importlib
from dataclasses import replace
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from forgather_lint.core.modules import modules_below
from forgather_lint.core.source import Place
from forgather_lint.libraries import devices, names
from forgather_lint.libraries.library_members import MEMBERS
from forgather_lint.libraries.masks import overwrites_mask, with_causality
from forgather_lint.libraries.nn import registration
from forgather_lint.libraries.nn.signatures import check_arguments
from forgather_lint.libraries.positions import with_counting
from forgather_lint.libraries.stdlib import named_tuples
from forgather_lint.libraries.stdlib.class_checks import check_dataclass, check_frozen
from forgather_lint.libraries.stdlib.classes import construct_special
from forgather_lint.libraries.stdlib.decorators import TAKERS
from forgather_lint.libraries.stdlib.enumerations import (
    check_class_write,
    check_member_write,
    make_members,
)
from forgather_lint.libraries.tokens import with_choice, with_counts
from forgather_lint.libraries.torch.elementwise import check_apart, check_cast, check_written
from forgather_lint.libraries.torch.strides import with_strides
from forgather_lint.libraries.transformers import (
    config as transformers_config,
)
from forgather_lint.libraries.transformers import (
    layers as transformers_layers,
)
from forgather_lint.libraries.transformers import (
    model as transformers_model,
)
from forgather_lint.libraries.transformers import (
    rope as transformers_rope,
)
from forgather_lint.libraries.transformers.strict import check_assigned as check_config
from forgather_lint.python.interpreter.calls import initialise
from forgather_lint.python.interpreter.classes import (
    AnyClass,
    find_member,
    is_subclass,
    order_of,
)
from forgather_lint.python.interpreter.environment import Environment
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.interpreter.library import OpFailure, Site, op_named, run
from forgather_lint.python.values.objects import ClassValue, FunctionValue, Instance, LibraryMethod
from forgather_lint.python.values.placement import Partial, Shard, Wrong
from forgather_lint.python.values.value import (
    NONE,
    TRUE,
    Arguments,
    Builtin,
    Choice,
    DictValue,
    External,
    Known,
    ListValue,
    SetValue,
    TensorValue,
    TupleValue,
    Unknown,
    Value,
    known,
)

if TYPE_CHECKING:
    from forgather_lint.python.interpreter.machine import Machine

_CONSTANTS: dict[str, Value] = {
    "math.pi": known(3.141592653589793),
    "math.e": known(2.718281828459045),
    "math.tau": known(6.283185307179586),
    "math.inf": known(float("inf")),
    "math.nan": known(float("nan")),
    "torch.inf": known(float("inf")),
    "torch.pi": known(3.141592653589793),
    "numpy.pi": known(3.141592653589793),
    "numpy.newaxis": NONE,
    "typing.TYPE_CHECKING": known(False),
    "sys.version_info": Unknown("python-version"),
}


_KEEPING = frozenset(
    "abc contextlib dataclasses functools torch transformers typing typing_extensions "
    "warnings".split()
)
"""Packages whose decorators do not change what a function computes.

Nor do their context managers swallow errors.
"""


_CHOOSING = ("functools.singledispatch", "functools.singledispatchmethod")
"""Decorators by which another function may be called."""
_CHANGING = ("register_module_", "set_default_", "set_flush_", "use_deterministic_")
"""How functions begin that change what all of torch does, such as a hook on every module."""


@cache
def _load_families() -> None:
    """Import every file below this folder once; each registers its ops."""
    for name in modules_below(Path(__file__).parent, __name__.rpartition(".")[0]):
        importlib.import_module(name)


def _constant(name: str) -> Value | None:
    found = _CONSTANTS.get(name)
    if found is not None or not name.startswith("transformers.Pre"):
        return found
    return transformers_config.class_default(name) or transformers_model.class_default(name)


def _function(name: str) -> Value | None:
    return External(name) if op_named(name) is not None else None


@lru_cache(maxsize=4096)
def _member(name: str) -> Value | None:
    # Asked for every class behind a model's own, at every lookup of an attribute.
    constant = _constant(name)
    return constant if constant is not None else _function(name)


class StandardLibrary:
    """Answers what library names mean, from the table of ops."""

    def __init__(self) -> None:
        _load_families()

    def canonical(self, name: str) -> str:
        return names.canonical(name)

    def constant(self, name: str) -> Value | None:
        return _constant(name)

    def member(self, machine: Machine, cls: str, name: str) -> Value | None:
        if cls == names.CONFIG and name in machine.environment.removed_fields:
            return _function(f"{cls}.{name}")
        return _member(f"{cls}.{name}")

    def lineage(self, name: str) -> tuple[str, ...] | None:
        return names.lineage(name)

    def has(self, name: str) -> bool:
        return op_named(name) is not None

    def keeps(self, decorator: Value) -> bool:
        """Whether the decorator comes from a package whose decorators are modelled or harmless."""
        name = decorator.detail if isinstance(decorator, Unknown) else ""
        if isinstance(decorator, External | Builtin):
            name = decorator.name
        if name in _CHOOSING:
            return False
        return isinstance(decorator, Builtin) or name.partition(".")[0] in _KEEPING

    def handles(self, value: Value) -> bool:
        return isinstance(value, TensorValue)

    def read_number(self, machine: Machine, value: Value, where: Place | None) -> None:
        devices.read_number(machine, value, where)

    def inside(self, manager: Value, world: Environment) -> Environment:
        return devices.chosen_by(manager, world)

    def call(self, machine: Machine, name: str, arguments: Arguments, where: Place) -> Value:
        """Run the op `name`, or build an instance of the library class `name`.

        With a choice among the arguments, the op is run for each of its options.
        """
        choice = next((each for each in arguments.all() if isinstance(each, Choice)), None)
        if choice is not None and not name.endswith("__init__"):
            return machine.each_option(
                choice,
                lambda option: self.call(machine, name, _with(arguments, choice, option), where),
                where,
            )
        meaning = op_named(name)
        if meaning is not None:
            devices.refuse(machine, name, arguments, where)
            if name.endswith(".__init__"):
                _begin(machine, name, arguments, where)
            try:
                made = run(meaning, Site(machine, where, name), arguments)
                made = with_choice(name, arguments, devices.placed(machine, name, arguments, made))
                made = with_counts(name, arguments, made)
                made = with_counting(name, arguments, made, where)
                made = with_causality(name, arguments, made)
                made = with_strides(name, arguments.all(), made)
                if overwrites_mask(name, arguments, made):
                    machine.leave_unproved(Unknown("mask-overwritten", where))
                return made
            except OpFailure as failure:
                since = _sharded_since(arguments)
                raise Raised(
                    failure.error, failure.text, where, since=since, cause=failure.cause
                ) from None
        if names.lineage(name) is not None:
            instance = Instance(External(name), {}, where)
            if not self._has_member(machine, instance, "__init__"):
                why = Unknown("unmodelled-class", where, name)
                return Instance(External(name), {}, where, open=why)
            initialise(machine, instance, arguments, where)
            return instance
        machine.ran_unknown_code(arguments, where)
        if name.rpartition(".")[2].startswith(_CHANGING):
            machine.assume(Unknown("library-changed", where, name))
        return Unknown("unmodelled-call", where, name)

    def _has_member(self, machine: Machine, instance: Instance, name: str) -> bool:
        member = find_member(machine, instance.cls, name)
        if member is None or not isinstance(member.value, External):
            return member is not None
        inherited = member.value.name == f"{names.MODULE}.{name}"
        return not inherited or instance.cls == External(names.MODULE)

    def construct(
        self, machine: Machine, cls: ClassValue, arguments: Arguments, where: Place
    ) -> Value | None:
        return construct_special(machine, cls, arguments, where)

    def attribute(self, machine: Machine, value: Value, name: str, where: Place) -> Value | None:
        """An attribute of a tensor, or a default attribute of a library instance."""
        if isinstance(value, TensorValue):
            return self._tensor_attribute(machine, value, name, where)
        if isinstance(value, Instance):
            return self._default_attribute(machine, value, name, where)
        return None

    def _tensor_attribute(
        self, machine: Machine, value: TensorValue, name: str, where: Place
    ) -> Value | None:
        if op_named(f"Tensor.{name}.get") is not None:
            return self.call(machine, f"Tensor.{name}.get", Arguments([value]), where)
        return LibraryMethod(value, f"Tensor.{name}")

    def _default_attribute(
        self, machine: Machine, value: Instance, name: str, where: Place
    ) -> Value | None:
        other = self.attribute_name(machine, value, name)
        if other not in (name, transformers_layers.OVERRIDES):
            return machine.attribute(value, other, where)
        getter = find_member(machine, value.cls, f"{name}.get")
        if getter is None or not isinstance(getter.value, External):
            return self.inherited(machine, value.cls, name, where)
        return self.call(machine, getter.value.name, Arguments([value]), where)

    def inherited(self, machine: Machine, cls: AnyClass, name: str, where: Place) -> Unknown | None:
        """The unknown member `name` that library bases of `cls` have without a model; or None."""
        bases = (each for each in order_of(machine, cls) if isinstance(each, External))
        removed = machine.environment.removed_fields
        absent = machine.environment.absent_members
        inherited = any(
            name in MEMBERS.get(base.name, ())
            and not (base.name == names.CONFIG and name in removed)
            and f"{base.name}.{name}" not in absent
            for base in bases
        )
        return Unknown("unmodelled-member", where, name) if inherited else None

    def on_set(
        self, machine: Machine, target: Instance, name: str, value: Value
    ) -> tuple[str, Value]:
        """The name and the value to be stored for `target.name = value`.

        A module or tensor that replaces a plain value moves to the end of the children: torch keeps
        modules, parameters and plain attributes apart. A config renames by its `attribute_map`.
        """
        before = target.attributes.get(name)
        was_module = isinstance(before, Instance | TensorValue)
        if before is not None and isinstance(value, Instance | TensorValue) and not was_module:
            machine.trail.delete_attribute(target, name)
        if isinstance(before, TensorValue) and isinstance(value, TensorValue):
            _keep_buffer(machine, target, name, before)
        machine.trail.unhide(target, name)
        return self.attribute_name(machine, target, name), devices.registered(machine, value)

    def on_defined(self, machine: Machine, cls: ClassValue) -> None:
        make_members(machine, cls)
        check_dataclass(machine, cls)
        named_tuples.finish(machine, cls)

    def taken_by(self, decorator: Value) -> frozenset[str]:
        takes = isinstance(decorator, External) and decorator.name in TAKERS
        return frozenset(("return_dict",)) if takes else frozenset()

    def keeps_apart(self, machine: Machine, target: Instance, value: Value) -> bool:
        # torch/nn/modules/module.py, `__setattr__`: parameters, modules and buffers have own dicts.
        of_python = isinstance(value, Known | ListValue | TupleValue | DictValue | SetValue)
        return machine.is_instance_of(target, names.MODULE) and not of_python

    def on_assigned(
        self, machine: Machine, target: Instance, name: str, value: Value, where: Place
    ) -> None:
        if machine.is_instance_of(target, names.MODULE):
            own = find_member(machine, target.cls, "__setattr__")
            if own is None or not isinstance(own.value, FunctionValue):
                registration.check_assigned(machine, target, name, value, where)
        elif machine.is_instance_of(target, names.CONFIG):
            check_config(machine, target, name, value, where)
            if name == "per_layer_config":
                transformers_layers.hide_overridden(machine, target, value, where)
        else:
            check_frozen(machine, target, name, where)
            check_member_write(machine, target, name, where)

    def on_class_write(
        self,
        machine: Machine,
        target: ClassValue,
        name: str,
        where: Place,
        *,
        deletes: bool = False,
    ) -> None:
        check_class_write(machine, target, name, where, deletes=deletes)

    def is_read_by_others(self, machine: Machine, asked: Instance | ClassValue) -> bool:
        if isinstance(asked, ClassValue):
            return is_subclass(machine, asked, External(names.CONFIG)) is True
        return machine.is_instance_of(asked, names.CONFIG)

    def on_written(self, target: Value, made: Value, where: Place) -> Value:
        """`made` as `target` holds it. Raises what torch does where shape or dtype do not fit."""
        if not isinstance(target, TensorValue) or not isinstance(made, TensorValue):
            return made
        try:
            if target.shape is not None and made.shape is not None:
                check_written(target.shape, made.shape)
            check_cast(target.dtype, made.dtype)
            check_apart(target)
        except OpFailure as failure:
            raise Raised(failure.error, failure.text, where) from failure
        kept = target.dtype == made.dtype and target.strides == made.strides
        return made if kept else replace(made, dtype=target.dtype, strides=target.strides)

    def on_replaced(
        self, machine: Machine, target: Value, name: str, value: Value, where: Place
    ) -> None:
        """Leaves it unproved where `x.data = y` gives `x` another shape.

        What a constructor leaves in a tensor of the same shape is told by the engine's loading.
        """
        if name != "data" or not isinstance(target, TensorValue):
            return
        shapes = target.shape, value.shape if isinstance(value, TensorValue) else None
        if None not in shapes and shapes[0] != shapes[1]:
            machine.leave_unproved(Unknown("data-of-another-shape", where))

    def attribute_name(self, machine: Machine, target: Instance, name: str) -> str:
        """The name under which a config stores `name`."""
        if name == "per_layer_config" and machine.is_instance_of(target, names.CONFIG):
            return transformers_layers.OVERRIDES
        if not isinstance(target.cls, ClassValue):
            return name
        if name == transformers_rope.OLD_NAME and transformers_rope.is_renamed(machine, target):
            return transformers_rope.NEW_NAME
        member = find_member(machine, target.cls, "attribute_map")
        if member is None or not isinstance(member.value, DictValue):
            return name
        mapped = member.value.items.get(name)
        return mapped.value if isinstance(mapped, Known) and isinstance(mapped.value, str) else name


def _begin(machine: Machine, name: str, arguments: Arguments, where: Place) -> None:
    """A constructor begins. Raises what one of `torch.nn` does for arguments it does not take."""
    package, _, cls = name.removesuffix(".__init__").rpartition(".")
    if package == "torch.nn":
        check_arguments(cls, arguments, where)
    if arguments.positional and name != f"{names.MODULE}.__init__":
        registration.note_begun(machine, arguments.positional[0])


def _keep_buffer(machine: Machine, target: Instance, name: str, before: TensorValue) -> None:
    """A value that is assigned to a buffer is one (torch/nn/modules/module.py, `__setattr__`)."""
    if "buffer" in before.tags and name not in target.buffers:
        machine.trail.set_key(target.buffers, name, TRUE)


def _sharded_since(arguments: Arguments) -> Place | None:
    """The place at which the first operand that is no whole tensor became so."""
    placements = [v.placement for v in arguments.all() if isinstance(v, TensorValue)]
    parts = [each for each in placements if isinstance(each, Shard | Partial | Wrong)]
    return parts[0].since if parts else None


def _with(arguments: Arguments, choice: Choice, option: Value) -> Arguments:
    """`arguments` with one choice replaced by one of its options."""
    return Arguments(
        [option if value is choice else value for value in arguments.positional],
        {n: option if value is choice else value for n, value in arguments.keywords.items()},
        arguments.rest,
    )

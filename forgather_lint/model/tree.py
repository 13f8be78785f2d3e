"""Makes the facts of the module tree from a model that was built."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import field

from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.facts import Module, Parameter, Structure, UnknownFact
from forgather_lint.libraries.names import MODULE
from forgather_lint.python.interpreter.budget import Budget
from forgather_lint.python.interpreter.classes import BUILTIN_BASE, order_of
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values.objects import ClassValue, Instance
from forgather_lint.python.values.value import Choice, External, Known, TensorValue, Unknown, Value


@record(frozen=False)
class Tree:
    """The facts of a module tree, with the instances that they were read from."""

    structure: Structure
    instances: dict[str, Instance]
    names: dict[Value, str]

    def name_of(self, instance: Instance) -> str | None:
        """The first dotted name of `instance`; None when it is not in the tree."""
        return self.names.get(instance)


@record(frozen=False)
class _TreeWalk:
    machine: Machine
    modules: list[Module] = field(default_factory=list)
    parameters: list[Parameter] = field(default_factory=list)
    buffers: list[Parameter] = field(default_factory=list)
    unknowns: list[UnknownFact] = field(default_factory=list)
    open_at: list[str] = field(default_factory=list)
    instances: dict[str, Instance] = field(default_factory=dict)
    first_names: dict[Value, str] = field(default_factory=dict)
    on_path: set[Instance] = field(default_factory=set)
    budget: Budget = field(default_factory=Budget)
    lineages: dict[ClassValue | External, tuple[str, ...]] = field(default_factory=dict)
    of_modules: dict[ClassValue | External, bool] = field(default_factory=dict)

    def lineage_of(self, instance: Instance) -> tuple[str, ...]:
        """`lineage_of`, once for each class."""
        found = self.lineages.get(instance.cls)
        if found is None:
            found = self.lineages[instance.cls] = lineage_of(self.machine, instance)
        return found

    def is_module(self, instance: Instance) -> bool:
        """Whether it is an `nn.Module`, asked once for each class."""
        found = self.of_modules.get(instance.cls)
        if found is None:
            found = self.machine.is_instance_of(instance, MODULE)
            self.of_modules[instance.cls] = found
        return found


def tree_of(machine: Machine, root: Instance) -> Tree:
    """Every module, parameter and buffer below `root`, by dotted name.

    Raises `Raised` where a module surely contains itself, `BudgetExceeded` where modules contain
    each other so often that they have too many names.
    """
    walk = _TreeWalk(machine)
    _visit(walk, root, "", certain=True, where=root.where)
    structure = Structure(
        root=class_name(root),
        modules=tuple(walk.modules),
        parameters=tuple(walk.parameters),
        buffers=tuple(walk.buffers),
        unknowns=tuple(walk.unknowns),
        open_at=tuple(walk.open_at),
    )
    return Tree(structure, walk.instances, walk.first_names)


def class_name(instance: Instance) -> str:
    """The class name as `type(module).__name__` gives it."""
    cls = instance.cls
    return cls.name if isinstance(cls, ClassValue) else cls.name.rpartition(".")[2]


def _visit(walk: _TreeWalk, instance: Instance, name: str, certain: bool, where: Place) -> None:
    if instance in walk.on_path:
        if certain:
            # Where torch goes over the children, as `eval` does, it never comes to an end.
            raise Raised("RecursionError", "maximum recursion depth exceeded", where)
        return
    walk.budget.spend(_AGAIN if instance in walk.first_names else 1)
    _add_module(walk, instance, name, certain, where)
    if instance.open is not None:
        _note_open(walk, name, instance.open)
    walk.on_path.add(instance)
    for attribute, value in list(instance.attributes.items()):
        if isinstance(value, Known) or attribute in instance.hidden:  # most are a number or a text
            continue
        dotted = f"{name}.{attribute}" if name else attribute
        place = instance.places.get(attribute, instance.where)
        for option, sure in options_of(value):
            _visit_value(walk, instance, attribute, dotted, option, certain and sure, place)
    walk.on_path.discard(instance)


_AGAIN = 20
"""The cost, in steps of the budget, of one more name for a module that has one already.

Modules that are reached in several ways may have names without end.
"""


def options_of(value: Value) -> Iterator[tuple[Value, bool]]:
    """The values that `value` may be, each with whether it surely is that one."""
    if isinstance(value, Choice):
        yield from ((option, False) for option in value.options)
    else:
        yield value, True


def _visit_value(
    walk: _TreeWalk,
    owner: Instance,
    attribute: str,
    dotted: str,
    value: Value,
    certain: bool,
    place: Place,
) -> None:
    if isinstance(value, Instance):
        if walk.is_module(value) or _may_be_module(walk, value):
            inside = value in walk.on_path
            _visit(walk, value, dotted, certain, place if inside else value.where)
    elif isinstance(value, TensorValue):
        _add_tensor(walk, owner, attribute, dotted, value, certain, place)
    elif isinstance(value, Unknown) and value.reason not in HIDES_NO_MODULE:
        _note_open(walk, dotted, value)


HIDES_NO_MODULE = frozenset(
    "complex-number dir file-path hook-handle large-constant long-number mask-of-unknown-length "
    "not-json object-hash object-identity padding-mask pattern-too-costly positions-to-keep "
    "python-version symbolic-arithmetic symbolic-comparison symbolic-range symbolic-size "
    "tensor-type-name text-of-object training-mode type-of-class undecided-equality "
    "undecided-isinstance undecided-issubclass undecided-order undecided-pattern undecided-subset "
    "unknown-attention-implementation unknown-count unknown-device unknown-digits unknown-dtype "
    "unknown-head-count unknown-length unknown-number-of-experts unknown-rope-parameters "
    "unknown-size unknown-slice unknown-start unknown-text unmodelled-length".split()
)
"""Reasons of what is a number, a text, a tensor or a yes or no; all else may be a module."""


def _may_be_module(walk: _TreeWalk, instance: Instance) -> bool:
    """Whether the object, of a class with an unknown base, was built where modules are built."""
    if instance.open is None or not isinstance(instance.cls, ClassValue):
        return False
    bases = [base for base in order_of(walk.machine, instance.cls) if isinstance(base, Unknown)]
    return not bases or not all(map(_is_pythons_own, bases))


def _is_pythons_own(base: Unknown) -> bool:
    """Whether a base class that is not followed is a builtin or of the standard library."""
    package = base.detail.partition(".")[0]
    return base.reason == BUILTIN_BASE or package in sys.stdlib_module_names


def _note_open(walk: _TreeWalk, name: str, reason: Unknown) -> None:
    walk.open_at.append(name)
    text = f"{reason.reason}: {reason.detail}" if reason.detail else reason.reason
    walk.unknowns.append(UnknownFact(text, reason.where))


def _add_module(
    walk: _TreeWalk, instance: Instance, name: str, certain: bool, where: Place
) -> None:
    first = walk.first_names.setdefault(instance, name)
    walk.instances[name] = instance
    cls = instance.cls
    walk.modules.append(
        Module(
            name=name,
            cls=class_name(instance),
            lineage=walk.lineage_of(instance),
            where=where,
            defined=cls.where if isinstance(cls, ClassValue) else None,
            certain=certain,
            same_as=None if first == name else first,
            sizes=_sizes(instance),
        )
    )


def lineage_of(machine: Machine, instance: Instance) -> tuple[str, ...]:
    """The qualified names of the class of `instance` and of all its bases."""
    return tuple(
        entry.qualified if isinstance(entry, ClassValue) else entry.name
        for entry in order_of(machine, instance.cls)
        if isinstance(entry, ClassValue | External)
    )


_SIZES = ("in_features", "out_features", "num_embeddings", "embedding_dim")


def _sizes(instance: Instance) -> dict[str, int]:
    found = {}
    for name in _SIZES:
        value = instance.attributes.get(name)
        if isinstance(value, Known) and isinstance(value.value, int):
            found[name] = value.value
    return found


def _add_tensor(
    walk: _TreeWalk,
    owner: Instance,
    attribute: str,
    dotted: str,
    value: TensorValue,
    certain: bool,
    place: Place,
) -> None:
    is_buffer = attribute in owner.buffers or "buffer" in value.tags
    if not (value.is_parameter or is_buffer):
        return
    first = walk.first_names.setdefault(value, dotted)
    fact = Parameter(
        name=dotted,
        shape=_shape(value),
        where=place,
        certain=certain,
        same_as=None if first == dotted else first,
        dtype=value.dtype,
    )
    (walk.parameters if value.is_parameter else walk.buffers).append(fact)


def _shape(value: TensorValue) -> tuple[int | None, ...] | None:
    if value.shape is None:
        return None
    return tuple(size if isinstance(size, int) else None for size in value.shape)

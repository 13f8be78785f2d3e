"""What a model consists of: modules, parameters, classes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import field
from functools import lru_cache
from typing import TypeVar

from forgather_lint.core.record import record
from forgather_lint.core.source import Place

_INDEX = re.compile(r"(?<![^.])\d+(?![^.])")


@lru_cache(maxsize=16_384)  # rules ask it of every name for every key
def folded(name: str) -> str:
    """`name` with `*` for numbers (`layers.*.mlp`): what the layers of a stack have in common."""
    return _INDEX.sub("*", name)


@record
class UnknownFact:
    """Something the analysis could not decide, with a short countable reason."""

    reason: str
    where: Place | None


@record
class Module:
    """One module of the tree.

    `name` is dotted and relative to the root (`""` is the root itself), `lineage` holds the
    qualified names of its class and all bases in method resolution order, `where` is the expression
    that built it. `certain` is false when only some branch of the source builds it. A module that
    is in the tree more than once has its first name as `same_as` under the others. `sizes` holds
    the integer attributes that library modules have (`in_features`, ...).
    """

    name: str
    cls: str
    lineage: tuple[str, ...]
    where: Place
    defined: Place | None
    certain: bool = True
    same_as: str | None = None
    sizes: Mapping[str, int] = field(default_factory=dict)
    assigns: frozenset[str] = frozenset()

    def is_a(self, qualified: str) -> bool:
        """Whether the module is an instance of the class `qualified`, e.g. `torch.nn.Linear`."""
        return qualified in self.lineage

    @property
    def parent(self) -> str:
        """The dotted name of the module that holds this one."""
        return self.name.rpartition(".")[0]

    @property
    def leaf(self) -> str:
        """The last component of the name."""
        return self.name.rpartition(".")[2]


@record
class Parameter:
    """One parameter or buffer; an undecided dimension is None."""

    name: str
    shape: tuple[int | None, ...] | None
    where: Place
    certain: bool = True
    same_as: str | None = None
    dtype: str | None = None


@record
class ClassFact:
    """A class whose source was read."""

    name: str
    where: Place
    is_module: bool
    built: bool


Named = TypeVar("Named", Module, Parameter)


@record
class Structure:
    """The module tree of one root class under one configuration."""

    root: str
    modules: tuple[Module, ...]
    parameters: tuple[Parameter, ...]
    buffers: tuple[Parameter, ...]
    unknowns: tuple[UnknownFact, ...]
    open_at: tuple[str, ...] = ()
    """Names of modules that may have children which the analysis could not see."""

    _by_name: dict[str, Module] = field(default_factory=dict, init=False, repr=False, compare=False)
    _modules_folded: dict[str, tuple[Module, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _parameters_folded: dict[str, tuple[Parameter, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def module(self, name: str) -> Module | None:
        """The module with that dotted name, None where there is none."""
        if not self._by_name:
            self._by_name.update({module.name: module for module in reversed(self.modules)})
        return self._by_name.get(name)

    def modules_folded(self) -> Mapping[str, tuple[Module, ...]]:
        """The modules by folded name, those of a stack's layers together."""
        if not self._modules_folded:
            self._modules_folded.update(_by_folded_name(self.modules))
        return self._modules_folded

    def parameters_folded(self) -> Mapping[str, tuple[Parameter, ...]]:
        """The parameters by folded name, those of a stack's layers together."""
        if not self._parameters_folded:
            self._parameters_folded.update(_by_folded_name(self.parameters))
        return self._parameters_folded

    def children(self, name: str) -> tuple[Module, ...]:
        """The direct children of the module called `name`."""
        return tuple(m for m in self.modules if m.name and m.parent == name)


def _by_folded_name(named: Iterable[Named]) -> dict[str, tuple[Named, ...]]:
    groups: dict[str, list[Named]] = {}
    for each in named:
        groups.setdefault(folded(each.name), []).append(each)
    return {name: tuple(group) for name, group in groups.items()}

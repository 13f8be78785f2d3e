"""What one abstract `forward` did with the modules."""

from __future__ import annotations

from enum import StrEnum

from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.facts.structure import UnknownFact


@record
class Signature:
    """The parameters of a `forward`, without `self`.

    `read` are the keys that its body takes out of `**kwargs`.
    """

    positional: tuple[str, ...]
    keyword_only: tuple[str, ...] = ()
    takes_args: bool = False
    takes_kwargs: bool = False
    required: tuple[str, ...] = ()
    read: frozenset[str] = frozenset()

    def names(self, name: str) -> bool:
        """Whether `name` is a parameter, or is taken out of `**kwargs`."""
        return name in self.positional or name in self.keyword_only or name in self.read

    def accepts(self, name: str) -> bool:
        """Whether a call may pass the keyword `name`."""
        return self.takes_kwargs or name in self.positional or name in self.keyword_only


@record
class ModuleCall:
    """One call of a module during `forward`.

    `order` counts the calls. `positional` is the number of positional arguments, `keywords` are the
    names written at the call. `hidden_from` names the modules whose results flow into the first
    argument. `caller` is the dotted name of the module whose forward calls it.
    """

    module: str
    order: int
    where: Place
    positional: int
    keywords: tuple[str, ...]
    hidden_from: tuple[str, ...] = ()
    signature: Signature | None = None
    caller: str = ""


class UseKind(StrEnum):
    """How `forward` touches a module other than by calling it."""

    ATTRIBUTE = "attribute"
    METHOD = "method"


@record
class ModuleUse:
    """An attribute read from, or a method other than `forward` called on, a module."""

    module: str
    kind: UseKind
    name: str
    where: Place
    caller: str = ""


@record
class UndecidedBranch:
    """A condition in `forward` that depends on tensor values; `modules` are called below it."""

    where: Place
    modules: tuple[str, ...]


@record
class Trace:
    """What one abstract `forward` of the base model did, in order."""

    calls: tuple[ModuleCall, ...]
    uses: tuple[ModuleUse, ...]
    branches: tuple[UndecidedBranch, ...]
    unknowns: tuple[UnknownFact, ...]
    signature: Signature | None
    where: Place | None

"""One activation of a body of code, and the ways in which a body can end."""

from __future__ import annotations

from dataclasses import field

import libcst as cst

from forgather_lint.core.errors import printed_error
from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.documents.python import NodePlace, PythonFile
from forgather_lint.facts.cause import Cause
from forgather_lint.facts.causes.placement import NoneUsed
from forgather_lint.python.interpreter.trail import BranchWrites
from forgather_lint.python.values.endings import Ending
from forgather_lint.python.values.objects import FunctionValue, Scope
from forgather_lint.python.values.value import IterableValue, Known, Unknown, Value


@record
class Returned:
    """The body ended with `return value`."""

    value: Value


@record
class LoopBroken:
    """The body ended with `break`."""


@record
class Continued:
    """The body ended with `continue`."""


def private(name: str, cls: str) -> str:
    """`name` as mangled in the body of the class `cls`: `__x` becomes `_Cls__x`."""
    own = cls.lstrip("_")
    hidden = name.startswith("__") and not name.endswith("__") and own
    return f"_{own}{name}" if hidden else name


SOURCE_NOT_HERE = "source-not-here"
"""The reason of values from a file that is not on this machine; the detail says which file."""

Completion = Returned | LoopBroken | Continued | None
"""How a body ended; None: it ran to its end."""


class Raised(Ending):
    """The evaluated code raises. `kind` is the name of the exception class.

    `since` is the place at which an operand became sharded, when an operation on tensors failed.
    `doubt` is what had to be assumed on the way there; None: the code surely raises. `cause` is a
    typed cause of the error, where there is one.
    """

    def __init__(
        self,
        kind: str,
        text: str,
        where: Place,
        value: Value | None = None,
        since: Place | None = None,
        doubt: Unknown | None = None,
        cause: Cause | None = None,
    ) -> None:
        super().__init__(printed_error(kind, text))
        self.kind = kind
        self.text = text
        self.where = where
        self.value = value
        self.since = since
        self.doubt = doubt
        self.cause = cause

    @property
    def shown(self) -> str:
        """The error as Python prints it."""
        return printed_error(self.kind, self.text)

    @property
    def perhaps(self) -> str:
        """A doubtful error as text, with the assumption that it rests on."""
        told = f"{self.doubt.reason} {self.doubt.detail}".rstrip() if self.doubt else ""
        return f"perhaps `{self.shown}`: {told}"


def cause_in(value: object) -> Cause | None:
    """The cause of an error in using the constant `value`; None where there is no type for it."""
    return NoneUsed() if value is None else None


def cause_of(value: Value) -> Cause | None:
    """The cause of an error in using `value`; None where there is no type for it."""
    return cause_in(value.value) if isinstance(value, Known) else None


class NotInstalled(Raised):
    """An import of a package that this Python lacks; where the model is served it may be there."""

    def __init__(self, package: str, where: Place) -> None:
        super().__init__("ModuleNotFoundError", f"No module named '{package}'", where)
        self.package = package


@record(frozen=False)
class EarlyReturn:
    """A return in one branch of an undecided condition, with what that branch wrote."""

    value: Value
    changes: BranchWrites


@record(frozen=False, eq=False)
class Frame:
    """The names and the file of the code that runs; `receiver` is the first argument of a method.

    `yielded` collects the items of a generator; both branches of a condition add to the same list.
    """

    scope: Scope
    file: PythonFile
    function: FunctionValue | None = None
    receiver: Value | None = None
    trail_depth: int = 0
    early_returns: list[EarlyReturn] = field(default_factory=list)
    yielded: IterableValue | None = None
    handled: Raised | None = None

    def attribute(self, node: cst.Attribute) -> str:
        """The name behind the dot, mangled if it is private to the class whose method runs."""
        owner = self.function.owner if self.function is not None else None
        return private(node.attr.value, owner.name) if owner is not None else node.attr.value

    def place(self, node: cst.CSTNode) -> Place:
        """The place of `node` in the file that is run."""
        return NodePlace(self.file, node)

"""The tables of handlers: one function for each kind of syntax node, in the file of its family."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar, cast

import libcst as cst

from forgather_lint.python.interpreter.frame import Completion, Frame
from forgather_lint.python.interpreter.library import Site
from forgather_lint.python.values.value import Value

if TYPE_CHECKING:
    from forgather_lint.python.interpreter.machine import Machine

Node = TypeVar("Node", bound=cst.CSTNode)
Handler = Callable[["Machine", Node, Frame], Value]
Executor = Callable[["Machine", Node, Frame], Completion]

EXPRESSIONS: dict[type[cst.CSTNode], Callable[..., Value]] = {}
STATEMENTS: dict[type[cst.CSTNode], Callable[..., Completion]] = {}
BUILTINS: dict[str, Callable[..., Value]] = {}


def expression(kind: type[Node]) -> Callable[[Handler[Node]], Handler[Node]]:
    """Registers the decorated function as the one that evaluates nodes of `kind`."""

    def register(handler: Handler[Node]) -> Handler[Node]:
        EXPRESSIONS[kind] = handler
        return handler

    return register


def statement(kind: type[Node]) -> Callable[[Executor[Node]], Executor[Node]]:
    """Registers the decorated function as the one that executes nodes of `kind`."""

    def register(handler: Executor[Node]) -> Executor[Node]:
        STATEMENTS[kind] = handler
        return handler

    return register


def builtin(name: str) -> Callable[[Callable[..., Value]], Callable[..., Value]]:
    """Registers the decorated function as the Python builtin or method `name`.

    Methods are named after the value that has them: `str.split`, `list.append`, `dict.get`. The
    function takes a `Site` and then the arguments under the names that Python gives them.
    """

    def register(function: Callable[..., Value]) -> Callable[..., Value]:
        BUILTINS[name] = function
        return function

    return register


def machine_of(site: Site) -> Machine:
    """The interpreter behind `site`, for builtins, which are part of it."""
    return cast("Machine", site.evaluator)

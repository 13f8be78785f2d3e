"""What the interpreter asks about libraries, and the table of ops that op families fill.

An op is a function whose parameters are named as torch names them:

    @op("torch.softmax", "torch.nn.functional.softmax", "Tensor.softmax")
    def softmax(site: Site, input: Value, dim: Value = NONE, dtype: Value = NONE) -> Value: ...

For a method the first argument is the receiver. `site` has the place of the call, and makes the
unknown results.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import lru_cache
from typing import Protocol

from forgather_lint.core.errors import printed_error
from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.facts.cause import Cause
from forgather_lint.python.interpreter.budget import Budget
from forgather_lint.python.interpreter.guard import fault
from forgather_lint.python.interpreter.trail import Trail
from forgather_lint.python.values.cost import cost
from forgather_lint.python.values.endings import Ending
from forgather_lint.python.values.loop_index import pinned
from forgather_lint.python.values.value import Arguments, Known, Unknown, Value


class OpFailure(Ending):
    """The call raises at run time.

    `text` is the message a user would see, `cause` the typed cause.
    """

    def __init__(self, error: str, text: str, cause: Cause | None = None) -> None:
        super().__init__(printed_error(error, text))
        self.error = error
        self.text = text
        self.cause = cause


class Evaluator(Protocol):
    """The part of the interpreter that library functions may use."""

    def call(self, function: Value, arguments: Arguments, where: Place) -> Value: ...

    def attribute(self, value: Value, name: str, where: Place) -> Value: ...

    def set_attribute(self, target: Value, name: str, value: Value, where: Place) -> None: ...

    def items_of(
        self, value: Value, where: Place | None = None
    ) -> tuple[list[Value], Unknown | None]: ...

    def ran_unknown_code(self, arguments: Arguments, where: Place) -> None: ...

    @property
    def budget(self) -> Budget: ...

    def leave_unproved(self, why: Unknown) -> None: ...

    @property
    def trail(self) -> Trail: ...


@record
class Site:
    """One call: its place, and the interpreter that runs it."""

    evaluator: Evaluator
    where: Place
    name: str

    def unknown(self, reason: str, detail: str = "") -> Unknown:
        """An undecided result of this call, with its place."""
        return Unknown(reason, self.where, detail or self.name)


Op = Callable[..., Value]

_OPS: dict[str, Op] = {}


def op(*names: str) -> Callable[[Op], Op]:
    """Registers the decorated function as the meaning of each of `names`."""

    def register(function: Op) -> Op:
        for name in names:
            if name in _OPS:
                raise ValueError(f"two meanings for {name}")
            _OPS[name] = function
        return function

    return register


def op_named(name: str) -> Op | None:
    """The function for the library name `name`; None when there is none."""
    return _OPS.get(name)


def op_names() -> frozenset[str]:
    """Every library name for which there is a function."""
    return frozenset(_OPS)


# These hand their arguments on, or ask nothing of them but their kind or what they note themselves.
_PASSES_ON = frozenset(
    "isinstance getattr setattr print callable type bool int float str abs min max list.append "
    "functools.partial super_in_method".split()
)


_LOOKS_AT_NO_ITEM = frozenset(
    "isinstance getattr setattr hasattr delattr print callable type bool id len list.append "
    "dict.get dict.setdefault dict.pop set.add set.discard functools.partial "
    "super_in_method".split()
)
"""Operations whose cost does not depend on the size of their arguments."""


def _pinned(arguments: Arguments) -> Arguments:
    """The arguments, with loop indices marked so that a copy for another index is ruled out.

    What an op asks of a loop index is not recorded.
    """
    if not any(isinstance(each, Known) and each.loop for each in arguments.all()):
        return arguments
    return Arguments(
        [pinned(value) for value in arguments.positional],
        {name: pinned(value) for name, value in arguments.keywords.items()},
    )


def run(function: Op, site: Site, arguments: Arguments) -> Value:
    """Bind `arguments` as Python would and run the op; unknown where they do not bind.

    Every builtin and library function is run here: the budget is charged by the size of the
    arguments, and after a bug in the function its result is undecided, with everything it might
    have changed. So it is with arguments for which the op has no parameter: Python may refuse them.
    """
    if arguments.rest is not None:
        return Unknown("unknown-arguments", site.where, site.name)
    if site.name not in _PASSES_ON:
        arguments = _pinned(arguments)
    if not _takes(function, len(arguments.positional), tuple(arguments.keywords)):
        why = Unknown("unmodelled-arguments", site.where, site.name)
        site.evaluator.ran_unknown_code(arguments, site.where)
        site.evaluator.leave_unproved(why)
        return why
    if site.name not in _LOOKS_AT_NO_ITEM:
        site.evaluator.budget.spend(sum(map(cost, arguments.all())))
    try:
        return function(site, *arguments.positional, **arguments.keywords)
    except Ending:
        raise
    except Exception as error:  # noqa: BLE001 - a fault of ours costs this call alone
        unknown = fault(error, site.where)
        site.evaluator.ran_unknown_code(arguments, site.where)
        return unknown


@lru_cache(maxsize=4096)
def _takes(function: Op, positional: int, keywords: tuple[str, ...]) -> bool:
    """Whether so many positional arguments and these keywords bind to the parameters of an op.

    `**factory` stands for what the functions of torch take that make tensors.
    """
    signature = inspect.signature(function)
    try:
        signature.bind(None, *[None] * positional, **dict.fromkeys(keywords))
    except TypeError:
        return False
    rest = signature.parameters.get("factory")
    if rest is None or rest.kind is not inspect.Parameter.VAR_KEYWORD:
        return True
    return _FACTORY.issuperset(keywords - signature.parameters.keys())


_FACTORY = frozenset(
    "size input fill_value low high mean std dtype device layout requires_grad out pin_memory "
    "memory_format generator names".split()
)

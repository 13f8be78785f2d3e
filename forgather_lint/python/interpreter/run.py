"""One abstract run: a constructor, a forward, a module body, or one question about a value."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import field
from typing import TYPE_CHECKING

from forgather_lint.core.record import record
from forgather_lint.python.interpreter.budget import Budget
from forgather_lint.python.interpreter.environment import Environment
from forgather_lint.python.interpreter.loop_copies import LoopCopies
from forgather_lint.python.interpreter.trail import Trail
from forgather_lint.python.values.value import Value

if TYPE_CHECKING:
    from forgather_lint.python.interpreter.machine import Library, Observer


@record(frozen=False, eq=False)
class AbstractRun:
    """Owns everything that a run reads and changes, so that its result depends on no other run.

    `library` says what library names mean, `observer` is told what happens, `environment` is the
    world that the code finds, `budget` what the run may spend, `trail` what it has written and
    `loop_copies` what its loops have built. `prepared_for_missing`: the code around catches the
    error of a package that is not installed. `assumptions` are unknown things that were assumed not
    to matter, by place; `passed_over` are errors of branches that were taken not to be chosen;
    `autocast`: the code has entered a context in which torch converts operands by itself;
    `told` are constants that tell the code who runs it, by place, and `told_before` the places in
    earlier runs; `unknown_calls` counts the calls of code that was not read, `unknown_values` the
    expressions whose value is not known.
    """

    library: Library
    observer: Observer
    environment: Environment
    budget: Budget = field(default_factory=Budget)
    trail: Trail = field(init=False)
    loop_copies: LoopCopies = field(default_factory=LoopCopies)
    prepared_for_missing: bool = False
    assumptions: Mapping[Hashable, Value] = field(default_factory=dict)
    passed_over: Mapping[Hashable, Value] = field(default_factory=dict)
    told: Mapping[Hashable, Value] = field(default_factory=dict)
    told_before: frozenset[Hashable] = frozenset()
    autocast: bool = False
    unknown_calls: int = 0
    unknown_values: int = 0

    def __post_init__(self) -> None:
        self.trail = Trail(self.observer.merged, self.budget)

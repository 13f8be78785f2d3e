"""What a rule is: a function from one kind of fact to findings.

    @rule(CODE, "tp-pattern-matches-nothing", Severity.ERROR)
    def check(model: Model) -> Iterator[Finding]: ...

The annotation of the first parameter says which facts the rule reads; it is called with every fact
of that kind. The docstring of the rule's file is its page.

Some facts have a cause. A rule declares which causes it explains, and is called with the facts that
have such a cause, and with the cause itself if it has a parameter for it:

    @rule(CODE, "config-field-null", Severity.ERROR, explains=FieldIsNull)
    def check(problem: ServingProblem, cause: FieldIsNull) -> Iterator[Finding]: ...

Wherever a code is shown for a cause, it is that of the rule that explains it.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable
from typing import TypeVar, cast

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.core.record import record
from forgather_lint.engines.registry import LIBRARY
from forgather_lint.facts.cause import Cause, Caused

Fact = TypeVar("Fact")
Of = TypeVar("Of", bound=Cause)
Check = Callable[[Fact], Iterable[Finding]] | Callable[[Fact, Of], Iterable[Finding]]


@record
class Rule:
    """A rule as the linter sees it: identity, kind of fact, and the check itself."""

    code: str
    name: str
    severity: Severity
    consumes: type
    check: Callable[..., Iterable[Finding]]
    rests_on: tuple[str, ...] = ()
    """The facts about releases on which the rule depends, such as `vllm/plan.styles`."""
    explains: tuple[type[Cause], ...] = ()
    """The types of causes that this rule explains."""

    def reads(self, fact: object) -> bool:
        """Whether the rule is to be called with `fact`."""
        if not isinstance(fact, self.consumes):
            return False
        return not (self.explains and hasattr(fact, "cause")) or isinstance(
            fact.cause, self.explains
        )

    def findings(self, fact: object) -> Iterable[Finding]:
        """The findings of the rule about `fact`, which it `reads`."""
        takes_cause = len(self.check.__annotations__) > 2
        return self.check(fact, cast("Caused", fact).cause) if takes_cause else self.check(fact)

    @property
    def page(self) -> str:
        """The docstring of the rule's file, with a section on releases made from the facts."""
        # A run that shows no page does not read the data of every release.
        from forgather_lint.engines.history import releases_section

        above, heading, below = self._written.partition("## What you see at run time")
        return f"{above}{releases_section(self.rests_on)}\n\n{heading}{below}"

    @property
    def engines(self) -> frozenset[str]:
        """The engines that the rule is about; empty: it is about the model, for any engine."""
        return frozenset(fact.partition("/")[0] for fact in self.rests_on) - {LIBRARY}

    @property
    def file(self) -> str:
        """The file that the rule is written in."""
        return inspect.getfile(self.check)

    @property
    def summary(self) -> str:
        """The first line of the page."""
        return self._written.partition("\n")[0]

    @property
    def _written(self) -> str:
        return inspect.getdoc(sys.modules[self.check.__module__]) or ""


def rule(
    code: str,
    name: str,
    severity: Severity,
    *,
    explains: type[Of] | tuple[type[Of], ...] = (),
    rests_on: tuple[str, ...] = (),
) -> Callable[[Check[Fact, Of]], Rule]:
    """Declares the decorated function to be the rule `code`; `name` states the defect.

    `explains` are the types of causes that it explains, or a common base of them. `rests_on` names
    the facts about releases from which the page says where the rule applies.
    """
    causes = explains if isinstance(explains, tuple) else (explains,)

    def declare(check: Check[Fact, Of]) -> Rule:
        # `get_type_hints` would evaluate all annotations of every rule, at each start.
        consumes = next(iter(check.__annotations__.values()))
        if isinstance(consumes, str):
            consumes = vars(sys.modules[check.__module__])[consumes]
        return Rule(code, name, severity, consumes, check, rests_on, causes)

    return declare

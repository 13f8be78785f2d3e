"""What a rule is: a function from one kind of fact to findings.

    @rule("FGL101", "tp-pattern-matches-nothing", Severity.ERROR)
    def check(model: Model) -> Iterator[Finding]: ...

The annotation of the first parameter says which facts the rule reads; the engine hands it every
fact of that kind. The docstring of the rule's file is its page.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import TypeVar, get_type_hints

from forgather_lint.diagnostics import Finding, Severity
from forgather_lint.record import record

Fact = TypeVar("Fact")


@record
class Rule:
    """A rule as the engine sees it: identity, kind of fact, and the check itself."""

    code: str
    name: str
    severity: Severity
    consumes: type
    check: Callable[[object], Iterable[Finding]]
    page: str
    file: str

    @property
    def summary(self) -> str:
        """The first line of the page."""
        return self.page.strip().partition("\n")[0]


def rule(
    code: str, name: str, severity: Severity
) -> Callable[[Callable[[Fact], Iterable[Finding]]], Rule]:
    """Declare the decorated function as the rule `code`; `name` states the defect."""

    def declare(check: Callable[[Fact], Iterable[Finding]]) -> Rule:
        parameter = next(iter(inspect.signature(check).parameters))
        consumes = get_type_hints(check)[parameter]
        module = inspect.getmodule(check)
        page = inspect.cleandoc(module.__doc__ or "") if module else ""
        file = inspect.getfile(check)
        return Rule(code, name, severity, consumes, check, page, file)  # type: ignore[arg-type]

    return declare

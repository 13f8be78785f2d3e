"""Makes findings from problems with a target, the same way for every serving rule."""

from __future__ import annotations

import re

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.serving import ServingProblem

_CONSEQUENCES = {
    "fails": "does not serve the model",
    "wrong": "says nothing and answers something else",
    "": "says nothing",
}


def since(problem: ServingProblem) -> str:
    """The releases that a headline is about, ` since transformers 5.14.0`; empty for all."""
    releases = problem.releases
    if releases is None or releases.requirement is None:
        return ""
    bounds = str(releases.requirement)
    for operator, word in ((">=", "since"), ("<", "before")):
        if bounds.startswith(operator) and "," not in bounds:
            return f" {word} {releases.project} {bounds.removeprefix(operator)}"
    return f" in {releases.project}{bounds}"


def named_in_error(problem: ServingProblem) -> str:
    """The name that the error quotes last, as Python's own errors name what is missing."""
    told = problem.error.partition(" (shown as")[0]
    return next(reversed(re.findall(r"'([^'`]+)'", told)), "what is named here")


def finding(problem: ServingProblem, message: str, label: str = "", help: str = "") -> Finding:
    """The finding at the place of the problem, with the error that a user of the target sees.

    It is an error if the problem decides the verdict, else a warning.
    """
    told = f"`{problem.error}`" if problem.error else _CONSEQUENCES[problem.verdict]
    return Finding(
        where=problem.where,
        message=message,
        label=label,
        consequence=f"{problem.target}: {told}",
        help=help,
        module=problem.module or None,
        releases=problem.releases,
        severity=None if problem.verdict else Severity.WARNING,
        target=problem.target.partition(" ")[0],
    )

"""What the rules about commands share."""

from __future__ import annotations

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.command import CommandRefused


def refused_finding(
    fact: CommandRefused,
    message: str,
    text: str,
    help: str = "",
    label: str = "",
    severity: Severity | None = None,
    parser: str = "vllm serve",
) -> Finding:
    """The finding on a word that the release's command line refuses.

    `text` is what its `parser` prints.
    """
    said = f"`{parser}: error: {text}`" if text else "a warning in the log"
    return Finding(
        where=fact.refused.word.span,
        message=message,
        label=label,
        consequence=f"{fact.release}: {said}",
        help=help,
        severity=severity,
        target=fact.release,
    )

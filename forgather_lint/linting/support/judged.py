"""Makes findings from verdicts, the same way for every rule about verdicts."""

from __future__ import annotations

from forgather_lint.core.diagnostics import Finding, Label
from forgather_lint.core.version import ReleaseRange
from forgather_lint.facts import Judged
from forgather_lint.facts.release import Release
from forgather_lint.linting.support.edits import change_style


def of_release(release: Release) -> ReleaseRange:
    """The range that contains `release` alone."""
    return ReleaseRange.parse(str(release))


def finding(judged: Judged, headline: str = "") -> Finding:
    """The finding at the operation that went wrong, with a label where the value became sharded.

    Without a `headline` it is what the cause tells. The words of the engine stand below: they say
    what is seen, not what is wrong.
    """
    since = judged.since
    related = (Label(since, "sharded since here"),) if since is not None else ()
    verdict = "fails" if judged.verdict == "fails" else "answers something else"
    remedy = judged.remedy
    return Finding(
        where=judged.where,
        message=headline or judged.cause.told or judged.reason,
        label=_on_ranks(judged.sizes),
        related=related,
        help=f"write `{remedy.style}` for `{remedy.entry.full_key}`" if remedy else "",
        fix=change_style(remedy.entry, remedy.style) if remedy else None,
        consequence=f"{judged.target.said} {verdict} at {judged.sizes}: {judged.reason}",
        module=judged.module or None,
        releases=of_release(judged.target),
        target=str(judged.target),
    )


def first_size(judged: Judged) -> str:
    """The first of the sizes with this outcome, whose numbers the cause and the reason have."""
    return judged.sizes.partition(", ")[0]


def raised_at_every_size(
    judged: Judged, message: str, help: str, releases: ReleaseRange | None = None
) -> Finding:
    """The finding where `forward` raises on one rank already; the label is the error."""
    return _at_every_size(
        judged, message, help, f"fails at every size: `{judged.reason}`", releases
    )


def other_answer(judged: Judged, message: str, help: str) -> Finding:
    """The finding where one rank already computes something else; the label says what."""
    happens = f"answers something else at every size: {judged.reason}"
    return _at_every_size(judged, message, help, happens)


def _at_every_size(
    judged: Judged, message: str, help: str, happens: str, releases: ReleaseRange | None = None
) -> Finding:
    return Finding(
        where=judged.where,
        message=message,
        label=judged.reason,
        consequence=f"{judged.target.said} {happens}",
        help=help,
        module=judged.module or None,
        releases=releases or of_release(judged.target),
        target=str(judged.target),
    )


def _on_ranks(sizes: str) -> str:
    return f"at {sizes}" if sizes.startswith("1 rank") else f"on one of several ranks ({sizes})"

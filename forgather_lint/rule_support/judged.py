"""From a verdict to a finding, the same way for every rule on placements."""

from __future__ import annotations

from forgather_lint.diagnostics import Finding, Label
from forgather_lint.facts import Judged


def finding(judged: Judged) -> Finding:
    """The finding at the operation that broke the value, with where it became sharded."""
    since = judged.since
    related = (Label(since, "sharded since here"),) if since is not None else ()
    verdict = "fails" if judged.verdict == "fails" else "answers something else"
    return Finding(
        where=judged.where,
        message=judged.reason,
        label=f"on one of several ranks ({judged.sizes})",
        related=related,
        consequence=f"vLLM {judged.target} {verdict} at {judged.sizes}: {judged.reason}",
        module=judged.module or None,
        releases=f"vllm=={judged.target}",
        target=f"vllm=={judged.target}",
    )

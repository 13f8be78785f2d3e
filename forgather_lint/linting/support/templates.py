"""Labels that show how a template came into a configuration."""

from __future__ import annotations

from forgather_lint.core.diagnostics import Label
from forgather_lint.facts.templates import Chain


def came_by(chain: Chain) -> tuple[Label, ...]:
    """One label for each template between the finding and the configuration, the nearest first."""
    return tuple(Label(step.where, f"this {step.text}") for step in chain)

"""How a template came into a configuration, as labels."""

from __future__ import annotations

from forgather_lint.diagnostics import Label
from forgather_lint.template_facts import Chain


def came_by(chain: Chain) -> tuple[Label, ...]:
    """One label for each template between the finding and the configuration, the nearest first."""
    return tuple(Label(step.where, f"this {step.text}") for step in chain)

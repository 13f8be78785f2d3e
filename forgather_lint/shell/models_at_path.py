"""Finds the one model that a command is given: a folder, file or configuration of a project."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from forgather_lint.core.paths import absolute, below
from forgather_lint.core.record import record
from forgather_lint.core.source import Place, Span
from forgather_lint.documents.discover import candidates
from forgather_lint.documents.model_input import ModelInput
from forgather_lint.documents.single_file import single_model
from forgather_lint.forgather.discover import find_projects


@record
class Opened:
    """A model; `told` translates a place in generated text to one in a template."""

    model: ModelInput
    told: Callable[[Span], Span]

    def shown(self, place: Place) -> str:
        """`place` as text, below the working folder if it is there."""
        span = self.told(place.span)
        near = below(span.path, absolute("."))
        return str(span if near is None else replace(span, path=near))


def open_one(path: Path, template: str | None = None) -> Opened:
    """The model at `path`; `template` names a configuration of the project there.

    Raises `SettingsError` when there is no such model, or more than one.
    """
    if template is None and (any(candidates(path, _nothing)) or not any(find_projects(path))):
        return Opened(single_model(path), _same)
    # Jinja is loaded only now, when there are templates to render.
    from forgather_lint.forgather.single import single_configuration
    from forgather_lint.forgather.virtual import Relocation, model_input

    rendered = single_configuration(path, template)
    return Opened(model_input(rendered), Relocation(rendered).span)


def _nothing(_: str) -> bool:
    return False


def _same(span: Span) -> Span:
    return span

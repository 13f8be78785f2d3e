"""The look of a report: colours, and the folder that paths are shown relative to."""

from __future__ import annotations

import os
from collections.abc import Mapping
from enum import StrEnum
from typing import TextIO

import click

from forgather_lint.core.diagnostics import Severity
from forgather_lint.core.paths import absolute, below
from forgather_lint.core.record import record


class Color(StrEnum):
    """When to use colours."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


@record
class Style:
    """Passed to every reporter. `base` is an absolute path; `quiet` leaves out the summary."""

    color: bool = False
    base: str = ""
    quiet: bool = False

    def paint(self, text: str, color: str | None = None, *, bold: bool = False) -> str:
        """`text` in `color`, when colours are wanted."""
        return click.style(text, fg=color, bold=bold or None) if self.color else text

    def path(self, path: str) -> str:
        """`path` relative to `base` when it lies below that, else as it is."""
        return below(path, self.base) or absolute(path)


SEVERITY_COLOR = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}


def wants_color(color: Color, stream: TextIO, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether output to `stream` is coloured; AUTO honours NO_COLOR and FORCE_COLOR."""
    if color is not Color.AUTO:
        return color is Color.ALWAYS
    if environment.get("NO_COLOR"):
        return False
    terminal = stream.isatty() and environment.get("TERM") != "dumb"
    return terminal or bool(environment.get("FORCE_COLOR"))

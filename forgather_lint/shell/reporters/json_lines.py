"""The objects of the format `json`, one on each line."""

from __future__ import annotations

import json
from collections.abc import Iterator

from forgather_lint.linting.report import Run
from forgather_lint.shell.reporters.json import objects
from forgather_lint.shell.reporters.parts.style import Style


def render(run: Run, _style: Style) -> Iterator[str]:
    """A line for each finding."""
    return map(json.dumps, objects(run))

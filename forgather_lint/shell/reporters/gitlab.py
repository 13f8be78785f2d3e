"""GitLab's Code Quality report."""

from __future__ import annotations

import json
from collections.abc import Iterator

from forgather_lint.core.diagnostics import Severity
from forgather_lint.linting.report import Run
from forgather_lint.shell.reporters.parts.fingerprint import fingerprinted
from forgather_lint.shell.reporters.parts.style import Style
from forgather_lint.shell.reporters.parts.words import told_whole

_SEVERITY = {Severity.ERROR: "major", Severity.WARNING: "minor", Severity.INFO: "info"}


def render(run: Run, style: Style) -> Iterator[str]:
    """One issue per finding."""
    issues = [
        {
            "check_name": found.code,
            "description": f"{found.code} [{found.name}] {told_whole(found, style)}",
            "severity": _SEVERITY[found.severity],
            "fingerprint": fingerprint,
            "location": {
                "path": style.path(found.span.path),
                "lines": {"begin": found.span.start.row, "end": found.span.end.row},
            },
        }
        for found, fingerprint in fingerprinted(run.told, style)
    ]
    yield json.dumps(issues, indent=2)

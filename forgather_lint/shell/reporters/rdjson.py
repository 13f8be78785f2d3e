"""Reviewdog's diagnostics (github.com/reviewdog/reviewdog/tree/master/proto/rdf)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial

from forgather_lint.core.about import NAME, documentation, page_of
from forgather_lint.core.diagnostics import Diagnostic, Severity
from forgather_lint.core.source import ColumnUnit, Position, Span
from forgather_lint.linting.report import Run
from forgather_lint.shell.reporters.parts.sources import lines_of
from forgather_lint.shell.reporters.parts.style import Style
from forgather_lint.shell.reporters.parts.words import told_whole

_SEVERITY = {Severity.ERROR: "ERROR", Severity.WARNING: "WARNING", Severity.INFO: "INFO"}

Object = dict[str, object]


def render(run: Run, style: Style) -> Iterator[str]:
    """One result with a diagnostic for each finding."""
    found = [_diagnostic(each, style) for each in run.told]
    source = _with_url({"name": NAME}, documentation())
    yield json.dumps({"source": source, "severity": "WARNING", "diagnostics": found}, indent=2)


def _diagnostic(found: Diagnostic, style: Style) -> Object:
    told: Object = {
        "message": told_whole(found, style),
        "location": _location(found, style),
        "severity": _SEVERITY[found.severity],
        "code": _with_url({"value": found.code}, page_of(found.code)),
    }
    # Each suggestion is taken alone: of a fix in several places one would be half a fix.
    if found.fix and len(found.fix.edits) == 1 and found.fix.edits[0].span.path == found.span.path:
        (edit,) = found.fix.edits
        told["suggestions"] = [{"range": _range(edit.span), "text": edit.content}]
    return told


def _location(found: Diagnostic, style: Style) -> Object:
    place: Object = {"path": style.path(found.span.path)}
    return place if found.of_whole_file else {**place, "range": _range(found.span)}


def _range(span: Span) -> Object:
    position = partial(_position, lines_of(span.path) or ())
    return {"start": position(span.start), "end": position(span.end)}


def _position(lines: tuple[str, ...], position: Position) -> dict[str, int]:
    """The position, with columns counted in bytes of UTF-8."""
    row, column = position
    before = lines[row - 1][: column - 1] if row <= len(lines) else ""
    return {"line": row, "column": column + ColumnUnit.BYTE.length(before) - len(before)}


def _with_url(told: Object, url: str) -> Object:
    return {**told, "url": url} if url else told

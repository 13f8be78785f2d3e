"""A JSON array with ruff's keys, and further ones of this tool."""

from __future__ import annotations

import json
from collections.abc import Iterator

from forgather_lint.core.about import page_of
from forgather_lint.core.diagnostics import Diagnostic, ResolvedFix
from forgather_lint.core.paths import absolute
from forgather_lint.core.source import Position, Span
from forgather_lint.linting.report import Run
from forgather_lint.shell.reporters.parts.style import Style
from forgather_lint.shell.reporters.parts.verdict import as_data


def render(run: Run, _style: Style) -> Iterator[str]:
    """The array."""
    yield json.dumps(list(objects(run)), indent=2)


def objects(run: Run) -> Iterator[dict[str, object]]:
    """One object for each finding, with the verdicts on its model."""
    verdicts = {report.path: as_data(report.verdicts) for report in run.reports}
    for found in run.told:
        yield _finding(found) | {"verdicts": verdicts.get(found.model)}


def _finding(found: Diagnostic) -> dict[str, object]:
    return {
        "code": found.code,
        "name": found.name,
        "message": found.message,
        "severity": found.severity,
        **_where(found.span),
        "noqa_row": _noqa_row(found.span),
        "fix": _fix(found.fix) if found.fix else None,
        "url": page_of(found.code) or None,
        "model": found.model,
        "models": list(found.models),
        "origin": found.origin or None,
        "module": found.module,
        "places": [
            {**_where(place.span), "message": place.text, "noqa_row": _noqa_row(place.span)}
            for place in found.places
        ],
        "related": [
            {**_where(label.span), "message": label.text}
            for label in (*found.places[1:], *found.related)
        ],
        "consequence": found.consequence or None,
        "help": found.help or None,
        "releases": str(found.releases) if found.releases else None,
    }


def _noqa_row(span: Span) -> int | None:
    """Where a comment silences what stands at `span`; JSON has none."""
    return None if span.path.endswith(".json") else span.end.row


def _fix(fix: ResolvedFix) -> dict[str, object]:
    edits = [{"content": edit.content, **_where(edit.span)} for edit in fix.edits]
    return {"applicability": fix.applicability, "message": fix.title, "edits": edits}


def _where(span: Span) -> dict[str, object]:
    return {
        "filename": absolute(span.path),
        "location": _position(span.start),
        "end_location": _position(span.end),
    }


def _position(position: Position) -> dict[str, int]:
    return {"row": position.row, "column": position.column}

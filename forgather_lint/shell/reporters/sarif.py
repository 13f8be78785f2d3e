"""SARIF 2.1.0, for code scanning (docs.oasis-open.org/sarif/sarif/v2.1.0)."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from forgather_lint.core.about import NAME, documentation, page_of, version
from forgather_lint.core.diagnostics import Diagnostic, ResolvedFix, ResolvedLabel, Severity
from forgather_lint.core.source import Span
from forgather_lint.linting.registry import builtin_rules
from forgather_lint.linting.report import ModelReport, Run
from forgather_lint.linting.rule import Rule
from forgather_lint.shell.reporters.parts.fingerprint import fingerprinted
from forgather_lint.shell.reporters.parts.style import Style
from forgather_lint.shell.reporters.parts.verdict import as_data

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVEL = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}

Object = dict[str, object]


def render(run: Run, style: Style) -> Iterator[str]:
    """One log with one run."""
    found = run.told
    log = {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": _driver({one.code for one in found})},
                "columnKind": "unicodeCodePoints",
                "originalUriBaseIds": {"SRCROOT": {"uri": Path(style.base).as_uri() + "/"}},
                "invocations": [_invocation(run.errors)],
                "results": [_result(*pair, style) for pair in fingerprinted(found, style)],
                "properties": {"verdicts": _verdicts(run, style)},
            }
        ],
    }
    yield json.dumps(log, indent=2)


def _verdicts(run: Run, style: Style) -> list[Object]:
    """The verdicts of each target on each model, for a property bag (SARIF 3.8)."""
    return [
        {"model": style.path(report.path), **each}
        for report in run.reports
        for each in as_data(report.verdicts)
    ]


def _driver(codes: set[str]) -> Object:
    rules = [_rule(rule) for rule in builtin_rules() if rule.code in codes]
    address = documentation()
    about = {"informationUri": address} if address else {}
    return {"name": NAME, "version": version(), **about, "rules": rules}


def _rule(rule: Rule) -> Object:
    address = page_of(rule.code)
    return {
        "id": rule.code,
        "name": rule.name,
        **({"helpUri": address} if address else {}),
        "shortDescription": {"text": rule.summary},
        "help": {"text": rule.page, "markdown": rule.page},
        "defaultConfiguration": {"level": _LEVEL[rule.severity]},
    }


def _invocation(errors: tuple[ModelReport, ...]) -> Object:
    notes = [{"level": "error", "message": {"text": f"{e.path}: {e.error}"}} for e in errors]
    return {"executionSuccessful": not errors, "toolExecutionNotifications": notes}


def _result(found: Diagnostic, fingerprint: str, style: Style) -> Object:
    result: Object = {
        "ruleId": found.code,
        "level": _LEVEL[found.severity],
        "message": {"text": _message(found)},
        "locations": [_place(found, style)],
        "partialFingerprints": {"finding/v1": fingerprint},
    }
    if found.module:
        logical = {"fullyQualifiedName": found.module, "kind": "member"}
        result["locations"] = [{**_place(found, style), "logicalLocations": [logical]}]
    if labels := (*found.places[1:], *found.related):
        result["relatedLocations"] = [_related(n, label, style) for n, label in enumerate(labels)]
    if found.fix and found.fix.edits:
        result["fixes"] = [_fix(found.fix, style)]
    return result


def _message(found: Diagnostic) -> str:
    """All texts of `found`; the last lines link to its related locations (SARIF 3.11.6)."""
    here = found.label if found.places else ""
    said = map(_unlinked, (found.message, here, found.consequence, found.help, found.origin))
    labels = enumerate((*found.places[1:], *found.related))
    links = (f"[{_unlinked(label.text)}]({n})" for n, label in labels)
    return "\n".join(filter(None, (*said, *links)))


def _unlinked(text: str) -> str:
    return re.sub(r"[\\\[\]]", r"\\\g<0>", text)


def _related(number: int, label: ResolvedLabel, style: Style) -> Object:
    return {"id": number, "message": {"text": label.text}, **_location(label.span, style)}


def _fix(fix: ResolvedFix, style: Style) -> Object:
    by_path: dict[str, list[Object]] = {}
    for edit in fix.edits:
        inserted = {"text": edit.content}
        replacement = {"deletedRegion": _region(edit.span), "insertedContent": inserted}
        by_path.setdefault(edit.span.path, []).append(replacement)
    changes = [
        {"artifactLocation": _artifact(path, style), "replacements": replacements}
        for path, replacements in by_path.items()
    ]
    properties = {"applicability": fix.applicability}
    return {
        "description": {"text": fix.title},
        "artifactChanges": changes,
        "properties": properties,
    }


def _place(found: Diagnostic, style: Style) -> Object:
    """The location of `found`; without a region if it concerns a whole file."""
    if not found.of_whole_file:
        return _location(found.span, style)
    return {"physicalLocation": {"artifactLocation": _artifact(found.span.path, style)}}


def _location(span: Span, style: Style) -> Object:
    physical = {"artifactLocation": _artifact(span.path, style), "region": _region(span)}
    return {"physicalLocation": physical}


def _artifact(path: str, style: Style) -> Object:
    shown = Path(style.path(path))
    if shown.is_absolute():
        return {"uri": shown.as_uri()}
    return {"uri": quote(os.fsencode(shown.as_posix())), "uriBaseId": "SRCROOT"}


def _region(span: Span) -> Object:
    return {
        "startLine": span.start.row,
        "startColumn": span.start.column,
        "endLine": span.end.row,
        "endColumn": span.end.column,
    }

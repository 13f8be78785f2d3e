"""Every case of every Markdown suite: what it expects is found, nothing else is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from forgather_lint import pipeline
from forgather_lint.core.diagnostics import Diagnostic, ResolvedEdit
from tests.cases import Case, Expected, read_cases, without_expectations

FIXTURES = Path(__file__).parent.parent / "fixtures" / "rules"
CASES = [case for suite in sorted(FIXTURES.glob("*/*.md")) for case in read_cases(suite)]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_case(case: Case, tmp_path: Path) -> None:
    found = findings(case, tmp_path)
    assert differences(case, found, tmp_path) == []
    for name, text in case.fixed.items():
        file = tmp_path / name
        mended = apply(file.read_text("utf-8"), edits_of(found, file))
        assert without_expectations(mended) == text


def test_every_suite_has_a_bad_and_a_good_case() -> None:
    one_sided = []
    for suite in {case.suite for case in CASES}:
        kinds = {bool(case.expected) for case in CASES if case.suite == suite}
        if kinds != {True, False}:
            one_sided.append(suite.name)
    assert one_sided == []


def findings(case: Case, folder: Path) -> list[Diagnostic]:
    """Write the model and lint it; only the codes of the suite count."""
    case.write(folder)
    reports = list(pipeline.check((folder,), case.settings))
    assert {report.error for report in reports} == {None}
    return [found for report in reports for found in report.diagnostics if found.code in case.codes]


def differences(case: Case, found: Sequence[Diagnostic], folder: Path) -> list[str]:
    """What is missing or too much, a line each."""
    missing = list(case.expected)
    surplus = []
    for diagnostic in found:
        match = next((e for e in missing if agrees(e, diagnostic, folder)), None)
        if match is None:
            surplus.append(f"not expected: {shown(diagnostic)}")
        else:
            missing.remove(match)
    return [f"not found: {expected}" for expected in missing] + surplus


def agrees(expected: Expected, found: Diagnostic, folder: Path) -> bool:
    return (
        (folder / expected.file).resolve() == Path(found.span.path).resolve()
        and expected.row == found.span.start.row
        and expected.column in {0, found.span.start.column}
        and expected.severity == found.severity
        and expected.code == found.code
        and expected.text in found.message
    )


def shown(found: Diagnostic) -> str:
    return f"{found.span}: {found.severity} [{found.code}] {found.message}"


def edits_of(found: Iterable[Diagnostic], file: Path) -> list[ResolvedEdit]:
    edits = [edit for diagnostic in found if diagnostic.fix for edit in diagnostic.fix.edits]
    return [edit for edit in edits if Path(edit.span.path).resolve() == file.resolve()]


def apply(text: str, edits: Iterable[ResolvedEdit]) -> str:
    """The text with every edit made, last first."""
    lines = text.splitlines(keepends=True)
    starts = [sum(map(len, lines[:row])) for row in range(len(lines))]
    for edit in sorted(edits, key=lambda edit: edit.span, reverse=True):
        begin, end = (
            starts[place.row - 1] + place.column - 1 for place in (edit.span.start, edit.span.end)
        )
        text = text[:begin] + edit.content + text[end:]
    return text

"""Every case of every Markdown suite: what it expects is found, nothing else is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from forgather_lint.core.diagnostics import Diagnostic, ResolvedEdit
from tests.cases import Case, Expected, read_cases, without_expectations
from tests.snapshots import FIXTURES, FOLDER, findings, rendered, stored

ROOT = Path(__file__).parent.parent
SUITES = sorted(FIXTURES.glob("*/*.md"))
CASES = [case for suite in SUITES for case in read_cases(suite)]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_case(case: Case, tmp_path: Path) -> None:
    folder = tmp_path.resolve() / FOLDER
    found = findings(case, folder)
    assert differences(case, found, folder) == []
    refresh = f"python -m tests.snapshots {case.suite.relative_to(ROOT)}"
    shown = rendered(found, folder) if found else ""
    assert stored(case.suite).get(case.name, "") == shown, f"{refresh}; then look at the diff"
    for name, text in case.fixed.items():
        file = folder / name
        mended = apply(file.read_text("utf-8"), edits_of(found, file))
        assert without_expectations(mended) == text


def test_every_suite_has_a_bad_and_a_good_case() -> None:
    one_sided = []
    for suite in {case.suite for case in CASES}:
        kinds = {bool(case.expected) for case in CASES if case.suite == suite}
        if kinds != {True, False}:
            one_sided.append(suite.name)
    assert one_sided == []


def test_what_is_stored_belongs_to_a_case() -> None:
    names = {suite: {case.name for case in read_cases(suite)} for suite in SUITES}
    assert {file.with_suffix(".md") for file in FIXTURES.glob("*/*.txt")} <= set(SUITES)
    assert [suite.name for suite in SUITES if not stored(suite).keys() <= names[suite]] == []


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

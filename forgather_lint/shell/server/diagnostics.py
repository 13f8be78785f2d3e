"""Findings in the form of the protocol."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from lsprotocol import types as lsp

from forgather_lint.core.about import NAME
from forgather_lint.core.diagnostics import Diagnostic, Severity
from forgather_lint.core.paths import absolute
from forgather_lint.core.printable import printable
from forgather_lint.linting.report import ModelReport
from forgather_lint.shell.server.positions import Atlas

SEVERITIES = {
    Severity.ERROR: lsp.DiagnosticSeverity.Error,
    Severity.WARNING: lsp.DiagnosticSeverity.Warning,
    Severity.INFO: lsp.DiagnosticSeverity.Information,
}
TAGS = {
    "unused-suppression": lsp.DiagnosticTag.Unnecessary,
    "serve-option-deprecated": lsp.DiagnosticTag.Deprecated,
}


def findings_in(path: str, reports: Iterable[ModelReport]) -> list[Diagnostic]:
    """The findings of `reports` in the file `path`, each once, in order."""
    found = (each for report in reports for each in report.diagnostics)
    return sorted(dict.fromkeys(each for each in found if absolute(each.span.path) == path))


def files_of(reports: Iterable[ModelReport]) -> set[str]:
    """The files with findings."""
    return {absolute(each.span.path) for report in reports for each in report.diagnostics}


def shown(found: Diagnostic, atlas: Atlas, pages: Mapping[str, str]) -> lsp.Diagnostic:
    """`found` in the protocol's form."""
    page = pages.get(found.code)
    tag = TAGS.get(found.name)
    related = [
        lsp.DiagnosticRelatedInformation(atlas.location(each.span), printable(each.text))
        for each in found.related
    ]
    return lsp.Diagnostic(
        range=atlas.range(found.span),
        message="\n".join(told(found)),
        severity=SEVERITIES[found.severity],
        code=found.code,
        code_description=lsp.CodeDescription(Path(page).as_uri()) if page else None,
        source=NAME,
        tags=[tag] if tag else None,
        related_information=related or None,
    )


def told(found: Diagnostic) -> Iterable[str]:
    """The lines of a finding: what is wrong, the consequence, what to do."""
    label = f": {found.label}" if found.label else ""
    yield printable(f"{found.message}{label}")
    if found.consequence:
        yield printable(f"at run time: {found.consequence}")
    if found.help:
        yield printable(f"help: {found.help}")

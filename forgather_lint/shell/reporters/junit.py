"""JUnit's XML, for test reports of a CI: a suite for each model, a case for each finding.

Errors and warnings are failures; an info passes, with its text as output. A model that could not be
checked is an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from xml.sax.saxutils import escape, quoteattr

from forgather_lint.core.about import NAME
from forgather_lint.core.diagnostics import Diagnostic, Severity
from forgather_lint.core.printable import printable
from forgather_lint.linting.report import ModelReport, Run
from forgather_lint.linting.together import together
from forgather_lint.shell.reporters.concise import headline
from forgather_lint.shell.reporters.parts.style import Style
from forgather_lint.shell.reporters.parts.words import notes_of

_NOT_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(run: Run, style: Style) -> Iterator[str]:
    """One document."""
    plain = Style(base=style.base)
    told: set[Diagnostic] = set()
    yield '<?xml version="1.0" encoding="utf-8"?>'
    yield _opened("testsuites", {"name": NAME, **_counts(run.reports)})
    for report in run.reports:
        yield from _suite(report, plain, told)
    yield "</testsuites>"


def _counts(reports: tuple[ModelReport, ...]) -> dict[str, str]:
    """The numbers of cases, failures and errors in `reports`, each finding once."""
    found = dict.fromkeys(each for report in reports for each in together(report.diagnostics))
    passed = sum(not (report.diagnostics or report.error) for report in reports)
    errors = sum(report.error is not None for report in reports)
    failures = sum(each.severity is not Severity.INFO for each in found)
    numbers = {"tests": len(found) + passed + errors, "failures": failures, "errors": errors}
    return {key: str(number) for key, number in numbers.items()}


def _suite(report: ModelReport, style: Style, told: set[Diagnostic]) -> Iterator[str]:
    """The suite of one model; findings in `told`, of earlier suites, are left out."""
    found = tuple(each for each in together(report.diagnostics) if each not in told)
    told.update(found)
    if report.diagnostics and not found and report.error is None:
        return
    path = style.path(report.path)
    counts = _counts((ModelReport(report.path, found, report.error),))
    yield _opened("testsuite", {"name": path, **counts})
    for each in found:
        yield from _case(each, style)
    named = {"name": "check", "classname": _class_name(path), "file": path}
    if report.error is not None:
        yield _opened("testcase", named)
        yield f"<error{_attributes({'message': report.error, 'type': 'not-checked'})}/>"
        yield "</testcase>"
    elif not found:
        yield f"<testcase{_attributes(named)}/>"
    yield "</testsuite>"


def _case(found: Diagnostic, style: Style) -> Iterator[str]:
    path = style.path(found.span.path)
    line = {} if found.of_whole_file else {"line": str(found.span.start.row)}
    name = f"{found.code} {found.name}: {found.message}"
    yield _opened("testcase", {"name": name, "classname": _class_name(path), "file": path, **line})
    text = _text("\n".join((headline(found, style), *notes_of(found, style))))
    if found.severity is Severity.INFO:
        yield f"<system-out>{text}</system-out>"
    else:
        kind = {"message": found.message, "type": str(found.severity)}
        yield f"<failure{_attributes(kind)}>{text}</failure>"
    yield "</testcase>"


def _class_name(path: str) -> str:
    """`path` as readers group cases by it: they take dots for folder separators."""
    return path.strip("/").removesuffix(".py").replace(".", "_").replace("/", ".")


def _opened(tag: str, attributes: Mapping[str, str]) -> str:
    return f"<{tag}{_attributes(attributes)}>"


def _attributes(attributes: Mapping[str, str]) -> str:
    return "".join(
        f" {key}={quoteattr(_sound(printable(value)))}" for key, value in attributes.items()
    )


def _text(text: str) -> str:
    return escape(_sound("\n".join(map(printable, text.split("\n")))))


def _sound(text: str) -> str:
    """`text` without characters that XML 1.0 cannot represent."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)

"""Every finding with the source it is about, related places, and what to do."""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Diagnostic, ResolvedLabel
from forgather_lint.core.printable import beginning, printable
from forgather_lint.linting.report import Run
from forgather_lint.shell.reporters.concise import headline
from forgather_lint.shell.reporters.parts.fixes import fixable, mark, told_of_fixed
from forgather_lint.shell.reporters.parts.frame import SourceFrame, draw, gutter_of
from forgather_lint.shell.reporters.parts.releases import release_table
from forgather_lint.shell.reporters.parts.style import SEVERITY_COLOR, Style
from forgather_lint.shell.reporters.parts.summary import summary
from forgather_lint.shell.reporters.parts.words import named_notes


def render(run: Run, style: Style) -> Iterator[str]:
    """The findings, each followed by an empty line, then the summary."""
    for found in run.told:
        yield from _finding(found, run, style)
        yield ""
    if not style.quiet:
        yield from release_table(run, style)
        yield from told_of_fixed(run)
        yield from fixable(run, style)
        yield from summary(run, style)


def _finding(found: Diagnostic, run: Run, style: Style) -> Iterator[str]:
    places = found.places or (ResolvedLabel(found.span, found.label),)
    gutter = gutter_of([label.span for label in (*places, *found.related)])
    yield headline(found, style, mark(found, run, style))
    color = SEVERITY_COLOR[found.severity]
    yield from draw(
        [SourceFrame(each.span, each.text, "^", color) for each in places], gutter, style
    )
    for label in found.related:
        yield from _label(label, gutter, style)
    for name, text in named_notes(found, style):
        yield from _note(name, text, gutter, style)


def _label(label: ResolvedLabel, gutter: int, style: Style) -> Iterator[str]:
    frame = draw([SourceFrame(label.span, label.text, "-", "blue")], gutter, style)
    arrow = style.paint(" " * gutter + " :::", "blue", bold=True)
    place = f"{style.path(label.span.path)}:{label.span.start.row}:{label.span.start.column}"
    yield f"{arrow} {printable(place)}" + ("" if frame else f": {printable(label.text)}")
    yield from frame


def _note(name: str, text: str, gutter: int, style: Style) -> Iterator[str]:
    """`= name: text`; further lines of the text are aligned below."""
    first, *rest = text.splitlines()
    edge = " " * gutter + " "
    yield f"{edge}{style.paint('=', 'blue', bold=True)} {style.paint(name, bold=True)}: " + (
        printable(first)
    )
    indent = " " * (len(edge) + len(name) + 4)
    yield from (indent + beginning(line) for line in rest)

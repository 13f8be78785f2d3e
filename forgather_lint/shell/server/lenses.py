"""Code lenses and inlay hints: verdicts, styles and shapes, shown unasked above and beside code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from forgather_lint.core.printable import printable
from forgather_lint.core.source import Position, Span
from forgather_lint.linting.report import ModelReport
from forgather_lint.session.picture import Picture, shown


class Lens(NamedTuple):
    """A line above `span`."""

    span: Span
    text: str


class Hint(NamedTuple):
    """A word behind the code that ends at `where`; `about` is its tooltip."""

    where: Position
    text: str
    about: str


def lenses(picture: Picture, path: str, reports: Iterable[ModelReport]) -> Iterator[Lens]:
    """Above the class that is served: the sizes at which it serves, and the release."""
    from forgather_lint.shell.reporters.parts.verdict import by_text  # the start does not wait

    span = picture.base
    if span is None or span.path != path:
        return
    for report in reports:
        if report.path == picture.path:
            yield from (Lens(span, printable(text)) for text in by_text(report.verdicts))


def hints(picture: Picture, path: str, first: int, last: int) -> Iterator[Hint]:
    """Beside code that builds a module, in rows `first` to `last`: its style, and a rank's part."""
    ends: dict[Position, list[Hint]] = {}
    for module in picture.modules:
        row = module.where.end.row
        if module.where.path != path or not module.style or not first <= row <= last:
            continue
        part = f" {shown(module.part)}" if module.part is not None else ""
        about = f"{module.name}: {module.exchange}" if module.exchange else module.name
        hint = Hint(module.where.end, f"{module.style}{part}", about)
        ends.setdefault(hint.where, []).append(hint)
    for where, found in ends.items():
        texts = dict.fromkeys(each.text for each in found)
        abouts = dict.fromkeys(each.about for each in found)
        yield Hint(where, printable(" | ".join(texts)), printable("\n".join(abouts)))

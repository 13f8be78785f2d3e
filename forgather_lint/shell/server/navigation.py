"""From a name to the place of what it names and back, and the plans of a file as an outline."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from forgather_lint.core.source import Position, Span
from forgather_lint.session.picture import EntrySeen, ModuleSeen, Picture, lies_in


class Symbol(NamedTuple):
    """A line of an outline."""

    name: str
    detail: str
    span: Span
    children: tuple[Symbol, ...] = ()


def definitions(picture: Picture, path: str, where: Position) -> list[Span]:
    """For an entry, where its modules are built; for a line that builds modules, their entries.

    For a name in a template, the place of what it names: a parent, an overridden block, a class.
    """
    entry = picture.entry_at(path, where)
    if entry is not None:
        return _once(each.where for each in _modules(picture, entry))
    named = [each.target for each in picture.links if lies_in(path, where, each.where)]
    if named:
        return _once(named)
    entries = _entries(picture, picture.modules_at(path, where))
    return _once(each.key_where for each in entries)


def references(picture: Picture, path: str, where: Position) -> list[Span]:
    """All places about the same modules: entries of all plans, and where the modules are built.

    For a template, a block or a class: all places in templates that name it.
    """
    entry = picture.entry_at(path, where)
    naming = list(_naming(picture, path, where)) if entry is None else []
    if naming:
        return _once(naming)
    modules = (
        tuple(_modules(picture, entry)) if entry is not None else picture.modules_at(path, where)
    )
    if not modules:
        return []
    spans = [each.key_where for each in _entries(picture, modules)]
    return _once([*spans, *(each.where for each in modules)])


def _naming(picture: Picture, path: str, where: Position) -> Iterator[Span]:
    """The places in templates that name what is named, or is, at a position."""
    meant = {each.target for each in picture.links if lies_in(path, where, each.where)}
    for each in picture.links:
        target = each.target
        if target in meant or (target.path == path and target.start.row == where.row):
            yield each.where


def symbols(picture: Picture, path: str) -> Iterator[Symbol]:
    """The plans in the file `path`, with their entries."""
    for plan in picture.plans:
        entries = tuple(
            Symbol(each.key, each.value, _whole(each))
            for each in plan.entries
            if each.key_where.path == path
        )
        if entries:
            inside = [plan.where] if plan.where.path == path else []
            spans = [*inside, *(each.span for each in entries)]
            span = Span(path, min(x.start for x in spans), max(x.end for x in spans))
            yield Symbol(plan.name, plan.owner, span, entries)


def speaks_of_plans(picture: Picture, path: str, where: Position) -> bool:
    """Whether a point is in a plan, or on the class that plans are about."""
    rows = [(each.span.start.row, each.span.end.row) for each in symbols(picture, path)]
    for span in (picture.base, picture.whole):
        if span is not None and span.path == path:
            rows.append((span.start.row, span.start.row))
    return any(first <= where.row <= last for first, last in rows)


def _modules(picture: Picture, entry: EntrySeen) -> Iterator[ModuleSeen]:
    yield from (each for each in picture.modules if each.name in entry.modules)


def _entries(picture: Picture, modules: tuple[ModuleSeen, ...]) -> Iterator[EntrySeen]:
    names = {each.name for each in modules}
    yield from (each for each in picture.entries if names.intersection(each.modules))


def _whole(entry: EntrySeen) -> Span:
    key, value = entry.key_where, entry.value_where
    return Span(key.path, min(key.start, value.start), max(key.end, value.end))


def _once(spans: Iterator[Span] | list[Span]) -> list[Span]:
    return list(dict.fromkeys(spans))

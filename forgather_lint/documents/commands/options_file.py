"""A YAML file whose entries are options of a command, each with its place."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from forgather_lint.core.record import record
from forgather_lint.core.source import Position, Span

DEEPEST = 40
MOST_EVENTS = 20_000


@record
class Entry:
    """One entry: its key, its value as `yaml.safe_load` makes it, and the places of both.

    `items_at` are the places of the items of a list.
    """

    key: object
    value: object
    key_at: Span
    value_at: Span
    items_at: tuple[Span, ...] = ()


@record
class OptionsFile:
    """The entries of a file; `kind` is the Python type of its content, `dict` for a mapping."""

    kind: str
    entries: tuple[Entry, ...] = ()


def read_options(path: str, text: str) -> OptionsFile | None:
    """The options in a YAML text; None where it cannot be told what they are."""
    loader = yaml.SafeLoader(text)
    try:
        if not _is_plain(text):
            return None
        node = loader.get_single_node()
        if not isinstance(node, yaml.MappingNode):
            content = None if node is None else loader.construct_document(node)
            return OptionsFile(type(content).__name__)
        loader.flatten_mapping(node)
        return OptionsFile("dict", tuple(_entries(path, loader, node)))
    except (yaml.YAMLError, RecursionError, ValueError, TypeError, AttributeError):
        return None  # values of PyYAML's own kinds raise whatever their constructors do
    finally:
        loader.dispose()


def _is_plain(text: str) -> bool:
    """Whether the text has no aliases and nests no deeper than an honest file."""
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=yaml.SafeLoader)):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST or count > MOST_EVENTS or isinstance(event, yaml.AliasEvent):
            return False
    return True


def _entries(path: str, loader: yaml.SafeLoader, node: yaml.MappingNode) -> Iterator[Entry]:
    last: dict[object, Entry] = {}
    for key, value in node.value:
        name = loader.construct_object(key, deep=True)
        items = value.value if isinstance(value, yaml.SequenceNode) else []
        places = tuple(_span(path, each) for each in items)
        made = loader.construct_object(value, deep=True)
        last[name] = Entry(name, made, _span(path, key), _span(path, value), places)
    yield from last.values()


def _span(path: str, node: yaml.Node) -> Span:
    start, end = node.start_mark, node.end_mark
    first = Position(start.line + 1, start.column + 1)
    if end.line != start.line:
        return Span(path, first, Position(first.row, first.column + 1))
    return Span(path, first, Position(first.row, max(end.column + 1, first.column + 1)))

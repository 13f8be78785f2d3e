"""config.json: its values, and where each key stands."""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import field
from enum import Enum, auto
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from forgather_lint.core.record import record
from forgather_lint.core.source import Lines, Place, Position, Span, file_start
from forgather_lint.documents.python import NotAnalysed, SourceError, read_text

if TYPE_CHECKING:
    import yaml

DEEPEST = 50
_MOST_DIGITS = 4_300
"""The most digits that Python converts to an integer unless told otherwise."""
_STRING_OR_BRACKET = re.compile(r'"(?>(?:[^"\\]++|\\.)*)(?:"|\Z)|[\[\]{}]', re.DOTALL)

Keys = tuple[str, ...]
Parts = tuple[Span, Span]
"""The spans of a key and of its value."""


class _Part(Enum):
    KEY = auto()
    VALUE = auto()
    BOTH = auto()


@record(frozen=False, eq=False, slots=False)
class ConfigFile:
    """A parsed config.json. Positions are computed when the first of them is asked for.

    `undecided` holds keys whose values a template leaves open, with the reasons. `overridden` are
    keys that a serve command sets (`--hf-overrides`) on the config object: `values` includes them,
    `written` does not.
    """

    path: str
    text: str
    values: Mapping[str, object]
    undecided: Mapping[str, str] = field(default_factory=dict)
    overridden: Mapping[str, object] = field(default_factory=dict)
    file_values: Mapping[str, object] | None = None

    @property
    def written(self) -> Mapping[str, object]:
        """The values in the file, without those that a command sets."""
        return self.values if self.file_values is None else self.file_values

    def overridden_by(self, values: Mapping[str, object]) -> ConfigFile:
        """This file, with `values` set on the config object that is made of it."""
        merged = {**self.values, **values}
        return ConfigFile(self.path, self.text, merged, self.undecided, values, self.written)

    def place(self, *keys: str) -> Place:
        """The place of key and value at the path `keys`, or of the file when there is none."""
        return ConfigPlace(self, keys, _Part.BOTH)

    def key_place(self, *keys: str) -> Place:
        """The place of the key at the path `keys`, without its value."""
        return ConfigPlace(self, keys, _Part.KEY)

    def value_place(self, *keys: str) -> Place:
        """The place of the value at `keys`."""
        return ConfigPlace(self, keys, _Part.VALUE)

    def repeated(self, *keys: str) -> Iterator[tuple[str, Place, Place]]:
        """Keys that occur twice in the object at the path `keys`: name, first and last place."""
        for name, spans in self._spans.items():
            if name[:-1] == keys and len(spans) > 1:
                yield name[-1], spans[0][0], spans[-1][0]

    @cached_property
    def _spans(self) -> dict[Keys, list[Parts]]:
        import yaml

        found: dict[Keys, list[Parts]] = {}
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        try:
            root = yaml.compose(self.text.replace("\t", " "), Loader=loader)
        except (yaml.YAMLError, UnicodeEncodeError):
            return found
        self._collect(root, (), found)
        return found

    def _collect(self, node: object, keys: Keys, found: dict[Keys, list[Parts]]) -> None:
        import yaml

        if not isinstance(node, yaml.MappingNode):
            return
        for key, value in node.value:
            name = (*keys, str(key.value))
            found.setdefault(name, []).append((self._span(key), self._span(value)))
            self._collect(value, name, found)

    def _span(self, node: yaml.Node) -> Span:
        # YAML counts more characters as ends of lines than the lines of a file have.
        return self._lines.span(self.path, node.start_mark.index, node.end_mark.index)

    @cached_property
    def _lines(self) -> Lines:
        return Lines(self.text)


@record(eq=False)
class ConfigPlace:
    """The place of a key of config.json, computed on demand."""

    file: ConfigFile
    keys: Keys
    part: _Part

    @property
    def span(self) -> Span:
        spans = self.file._spans.get(self.keys)
        if not spans:
            return file_start(self.file.path)
        key, value = spans[-1]
        whole = Span(self.file.path, key.start, value.end)
        return {_Part.KEY: key, _Part.VALUE: value}.get(self.part, whole)

    @property
    def identity(self) -> Hashable:
        return self.file.path, self.keys, self.part


def read_config(path: Path) -> ConfigFile:
    """Read `path`. Raises `SourceError` when it is no JSON object."""
    text = read_text(path)
    return parse_config(str(path), text)


def parse_config(path: str, text: str) -> ConfigFile:
    """Parse the text of a config.json. Raises `SourceError` when it is no JSON object."""
    where = file_start(path)
    if _depth(text) > DEEPEST:
        raise NotAnalysed(where, f"nested more than {DEEPEST} deep, not analysed")
    try:
        values = json.loads(text, parse_int=_integer)
    except json.JSONDecodeError as error:
        at = Position(error.lineno, error.colno)
        raise SourceError(Span(path, at, at), f"not JSON: {error.msg}") from None
    except OverflowError as error:
        raise NotAnalysed(where, str(error)) from None
    if not isinstance(values, dict):
        raise SourceError(where, f"not a JSON object but a {type(values).__name__}")
    return ConfigFile(path, text, values)


def _integer(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise OverflowError(f"an integer of {len(digits)} digits, not analysed")
    return int(digits)


def _depth(text: str) -> int:
    """How deep brackets are nested in each other, not counting those in strings."""
    deepest = depth = 0
    for found in _STRING_OR_BRACKET.finditer(text):
        letter = found[0]
        if letter in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif letter in "]}":
            depth -= 1
    return deepest

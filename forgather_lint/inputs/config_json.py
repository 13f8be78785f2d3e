"""config.json: its values, and where each key stands."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from forgather_lint.source import Place, Position, Span, file_start
from forgather_lint.syntax.python import SourceError, read_text

DEEPEST = 50


@dataclass(eq=False)
class ConfigFile:
    """A parsed config.json. Positions are computed when the first of them is asked for."""

    path: str
    text: str
    values: Mapping[str, object]

    def place(self, *keys: str) -> Place:
        """The place of the value at `keys`, or of the file when there is none."""
        return ConfigPlace(self, keys)

    @cached_property
    def _spans(self) -> dict[tuple[str, ...], Span]:
        import yaml

        found: dict[tuple[str, ...], Span] = {}
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        try:
            root = yaml.compose(self.text.replace("\t", " "), Loader=loader)
        except yaml.YAMLError:
            return found
        self._collect(root, (), found)
        return found

    def _collect(
        self, node: object, keys: tuple[str, ...], found: dict[tuple[str, ...], Span]
    ) -> None:
        import yaml

        if not isinstance(node, yaml.MappingNode):
            return
        for key, value in node.value:
            name = (*keys, str(key.value))
            found[name] = Span(self.path, _position(key.start_mark), _position(value.end_mark))
            self._collect(value, name, found)


@dataclass(frozen=True, slots=True, eq=False)
class ConfigPlace:
    """The place of a key of config.json, computed on demand."""

    file: ConfigFile
    keys: tuple[str, ...]

    @property
    def span(self) -> Span:
        return self.file._spans.get(self.keys) or file_start(self.file.path)


def _position(mark: object) -> Position:
    return Position(mark.line + 1, mark.column + 1)  # type: ignore[attr-defined]


def read_config(path: Path) -> ConfigFile:
    """Read `path`. Raises `SourceError` when it is no JSON object."""
    text = read_text(path)
    return parse_config(str(path), text)


def parse_config(path: str, text: str) -> ConfigFile:
    """Parse the text of a config.json. Raises `SourceError` when it is no JSON object."""
    where = file_start(path)
    if _depth(text) > DEEPEST:
        raise SourceError(where, f"nested more than {DEEPEST} deep, not analysed")
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        at = Position(error.lineno, error.colno)
        raise SourceError(Span(path, at, at), f"not JSON: {error.msg}") from None
    if not isinstance(values, dict):
        raise SourceError(where, f"not a JSON object but a {type(values).__name__}")
    return ConfigFile(path, text, values)


def _depth(text: str) -> int:
    deepest = depth = 0
    for letter in text:
        if letter in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif letter in "]}":
            depth -= 1
    return deepest

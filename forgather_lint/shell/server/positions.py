"""Conversion of our places to those of the protocol: rows from 0, columns in the client's units."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from lsprotocol import types as lsp

from forgather_lint.core.files import read_at_most
from forgather_lint.core.paths import absolute
from forgather_lint.core.source import ColumnUnit, Lines, Position, Span
from forgather_lint.documents.limits import MOST_BYTES
from forgather_lint.shell.server.buffers import uri_of

UNITS = {
    lsp.PositionEncodingKind.Utf32: ColumnUnit.CODE_POINT,
    lsp.PositionEncodingKind.Utf8: ColumnUnit.BYTE,
    lsp.PositionEncodingKind.Utf16: ColumnUnit.UTF16,
}
"""The units that a client may use, the cheapest for us first."""


class Atlas:
    """Texts and their lines, for the duration of one answer. Positions in lost texts are kept."""

    def __init__(
        self, texts: Mapping[str, str], unit: ColumnUnit, uri: Callable[[str], str] = uri_of
    ) -> None:
        self.unit = unit
        self.uri = uri
        self._texts = texts
        self._lines: dict[str, Lines] = {}

    def text(self, path: str) -> str:
        """The text of `path` as it is typed, or on disk; empty when it cannot be read."""
        found = self._texts.get(path)
        if found is not None:
            return found
        try:
            return read_at_most(Path(path), MOST_BYTES).decode("utf-8-sig", "replace")
        except OSError:
            return ""

    def lines(self, path: str) -> Lines:
        """The lines of `path`."""
        whole = absolute(path)
        if whole not in self._lines:
            self._lines[whole] = Lines(self.text(whole))
        return self._lines[whole]

    def position(self, path: str, where: Position) -> lsp.Position:
        """`where` in `path`, in the client's units."""
        units = self.lines(path).units_before(where, self.unit)
        return lsp.Position(where.row - 1, units)

    def range(self, span: Span) -> lsp.Range:
        """A span in the client's units."""
        return lsp.Range(self.position(span.path, span.start), self.position(span.path, span.end))

    def location(self, span: Span) -> lsp.Location:
        """A span in the form of the protocol."""
        return lsp.Location(self.uri(span.path), self.range(span))

    def here(self, path: str, where: lsp.Position) -> Position:
        """The point in `path` that the client means."""
        return self.lines(path).position_behind(where.line + 1, where.character, self.unit)

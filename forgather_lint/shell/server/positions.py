"""Places here to places of the protocol and back: rows from 0, columns in the client's units."""

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
"""What a client may count in, what costs least first."""


class Atlas:
    """Texts and their lines, for as long as one answer takes. Positions of what is gone stay."""

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
        """`where` in `path` as the client counts."""
        units = self.lines(path).units_before(where, self.unit)
        return lsp.Position(where.row - 1, units)

    def range(self, span: Span) -> lsp.Range:
        """A stretch as the client counts."""
        return lsp.Range(self.position(span.path, span.start), self.position(span.path, span.end))

    def location(self, span: Span) -> lsp.Location:
        """A place as the client names it."""
        return lsp.Location(self.uri(span.path), self.range(span))

    def here(self, path: str, where: lsp.Position) -> Position:
        """The point in `path` that the client means."""
        return self.lines(path).position_behind(where.line + 1, where.character, self.unit)

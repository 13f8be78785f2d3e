"""The open documents of the editor, as they are typed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lsprotocol import types as lsp
from pygls.uris import to_fs_path

from forgather_lint.core.paths import absolute
from forgather_lint.core.record import record
from forgather_lint.core.source import ColumnUnit, Lines

Change = lsp.TextDocumentContentChangePartial | lsp.TextDocumentContentChangeWholeDocument


@record
class Buffer:
    """One document; `uri` is spelt as by the editor."""

    uri: str
    path: str
    version: int
    text: str


def path_of(uri: str) -> str | None:
    """The absolute path of `uri`; None if it is not a file."""
    path = to_fs_path(uri) if uri.startswith("file:") else None
    return None if path is None else absolute(path)


def uri_of(path: str) -> str:
    """The URI of the file `path`."""
    return Path(absolute(path)).as_uri()


class Buffers:
    """The open documents by path, the one changed last at the end."""

    def __init__(self) -> None:
        self.unit = ColumnUnit.UTF16
        self._open: dict[str, Buffer] = {}

    def open(self, uri: str, version: int, text: str) -> Buffer | None:
        """Add a document; None when it is not a file."""
        path = path_of(uri)
        if path is None:
            return None
        return self._put(Buffer(uri, path, version, text))

    def change(self, uri: str, version: int, changes: Sequence[Change]) -> Buffer | None:
        """Make `changes` one after the other; None when the document is not open."""
        buffer = self.at(uri)
        if buffer is None:
            return None
        text = buffer.text
        for each in changes:
            text = changed(text, each, self.unit)
        return self._put(Buffer(uri, buffer.path, version, text))

    def close(self, uri: str) -> Buffer | None:
        """Remove a document; None when it was not open."""
        path = path_of(uri)
        return self._open.pop(path, None) if path is not None else None

    def at(self, uri: str) -> Buffer | None:
        """The open document with that URI; None if there is none."""
        path = path_of(uri)
        return self._open.get(path) if path is not None else None

    def on(self, path: str) -> Buffer | None:
        """The open document for the file `path`; None if there is none."""
        return self._open.get(path)

    @property
    def texts(self) -> dict[str, str]:
        """All texts by path."""
        return {path: each.text for path, each in self._open.items()}

    @property
    def latest_first(self) -> tuple[str, ...]:
        """The paths, last changed first."""
        return tuple(reversed(self._open))

    def _put(self, buffer: Buffer) -> Buffer:
        if _HALVES.search(buffer.text):  # JSON can say half a pair of surrogates, a file cannot
            buffer = replace(buffer, text=_HALVES.sub("\ufffd", buffer.text))
        self._open.pop(buffer.path, None)
        self._open[buffer.path] = buffer
        return buffer


_HALVES = re.compile(r"[\ud800-\udfff]")


def changed(text: str, change: Change, unit: ColumnUnit) -> str:
    """`text` after one change as the protocol describes it."""
    if isinstance(change, lsp.TextDocumentContentChangeWholeDocument):
        return change.text
    lines = Lines(text)
    start, end = (
        lines.offset(lines.position_behind(each.line + 1, each.character, unit))
        for each in (change.range.start, change.range.end)
    )
    return text[:start] + change.text + text[end:]

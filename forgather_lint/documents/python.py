"""Parses Python text to a libcst tree whose nodes know their places."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Hashable
from dataclasses import field
from functools import lru_cache
from pathlib import Path

import libcst as cst
import libcst.native  # type: ignore[import-not-found]  # now: before processes fork

from forgather_lint.core import doing, git_lfs
from forgather_lint.core.files import holds_weights, read_at_most
from forgather_lint.core.record import record
from forgather_lint.core.source import Place, Position, Span, file_start
from forgather_lint.documents.limits import MOST_BYTES, refusal
from forgather_lint.documents.positions import positions_of
from forgather_lint.documents.written_deep import write_deep_trees

write_deep_trees()

OriginOf = Callable[[int], Place | None]


class SourceError(Exception):
    """A text that cannot be analysed, by the user's fault: a message of one line, and a place."""

    def __init__(self, where: Span, message: str) -> None:
        super().__init__(message)
        self.where = where
        self.message = message


class NotAnalysed(SourceError):
    """A text that is beyond the limits of this tool; a loader may well read it."""


@record(frozen=False, eq=False, slots=False)
class PythonFile:
    """A parsed file. Positions are computed when the first of them is asked for.

    `origin_of` maps a row of generated text to the template line that it was generated from.
    """

    path: str
    text: str
    tree: cst.Module
    origin_of: OriginOf | None = field(default=None, repr=False)

    def span(self, node: cst.CSTNode) -> Span:
        """The span of `node`, a node of this file's tree."""
        found = positions_of(self.tree, self.text).of(node)
        return Span(self.path, *found) if found is not None else file_start(self.path)


@record(eq=False)
class NodePlace:
    """The place of a syntax node, computed on demand."""

    file: PythonFile
    node: cst.CSTNode

    @property
    def span(self) -> Span:
        return self.file.span(self.node)

    @property
    def identity(self) -> Hashable:
        return self.file.path, self.node

    def __repr__(self) -> str:
        return f"<{self.span}>"

    @property
    def origin(self) -> Place | None:
        """The template line that the node was generated from, if any."""
        origin_of = self.file.origin_of
        return origin_of(self.span.start.row) if origin_of else None


def read_text(path: Path) -> str:
    """The text of `path`. Raises `SourceError` when it is too large, unreadable or not UTF-8."""
    where = file_start(str(path))
    if holds_weights(path):
        raise SourceError(where, "holds weights, not text")
    try:
        data = read_at_most(path, MOST_BYTES + 1)
    except OSError as error:
        raise SourceError(where, f"cannot be read: {error.strerror}") from error
    if data.startswith(git_lfs.BEGINNING):
        raise SourceError(where, git_lfs.SAID)
    if len(data) > MOST_BYTES:
        raise NotAnalysed(where, f"larger than {MOST_BYTES >> 20} MiB, not analysed")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError(where, f"not UTF-8: byte {error.start}") from error


def parse_python(path: str, text: str, origin_of: OriginOf | None = None) -> PythonFile:
    """Parse `text`. Raises `SourceError` with the place of a syntax error."""
    doing.now(f"parsing {path}")
    if "\0" in text:
        raise SourceError(file_start(path), "not Python: holds a NUL character")
    reason = refusal(text)
    if reason is not None:
        raise NotAnalysed(file_start(path), f"not analysed: {reason}")
    try:
        return PythonFile(path, text, _tree(text), origin_of)
    except cst.ParserSyntaxError as error:
        start = Position(max(1, error.raw_line), error.raw_column + 1)
        raise _refused(Span(path, start, start), "syntax error", text) from error
    except cst.CSTValidationError as error:  # what its parser lets pass and its nodes do not
        raise _refused(file_start(path), f"syntax error: {error}", text) from error


def _refused(where: Span, message: str, text: str) -> SourceError:
    """libcst's syntax error, unless Python itself parses `text`: libcst's grammar may be older."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except SyntaxError as error:
        if where == file_start(where.path) and error.lineno:
            # libcst does not say where a string has no end; Python does.
            start = Position(error.lineno, max(1, error.offset or 1))
            return SourceError(Span(where.path, start, start), f"syntax error: {error.msg}")
        return SourceError(where, message)
    except ValueError:
        return SourceError(where, message)
    except (MemoryError, RecursionError):  # what the parser of Python says of too deep a text
        return NotAnalysed(where, "not analysed: too deeply nested")
    return NotAnalysed(where, "not analysed: libcst does not know this syntax")


@lru_cache(maxsize=64)
def _tree(text: str) -> cst.Module:
    """The tree of `text`; cached, as a model that is built for several targets is parsed once."""
    return cst.parse_module(text)

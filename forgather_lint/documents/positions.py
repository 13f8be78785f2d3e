"""Where the nodes of a syntax tree stand, computed for those that are asked for.

libcst computes positions by writing the whole file anew, which takes longer than to parse it. A run
often asks for a single node. So only the part of the file that holds the node is written, and where
the part begins is found by looking for its text in the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

import libcst as cst
from libcst.metadata import CodeRange, PositionProvider
from libcst.metadata.position_provider import NEWLINE_RE, PositionProvidingCodegenState

from forgather_lint.core.record import record
from forgather_lint.core.recursion import deep_recursion
from forgather_lint.core.source import Position
from forgather_lint.documents.walk import descendants

_NO_BODY = cst.SimpleStatementSuite((cst.Pass(),))


@record(eq=False)
class _Part:
    """A statement that is written alone; `around` is the part that it belongs to.

    `indents` are those of the blocks around it. `headed`: it is a class whose body stands for that
    of the file, so that only what comes before it counts.
    """

    statement: cst.CSTNode
    indents: tuple[str, ...] = ()
    around: _Part | None = None
    headed: bool = False


@record(eq=False)
class _Written:
    """What libcst computed of a part, and how many rows of the file are before it."""

    ranges: Mapping[cst.CSTNode, object]
    rows: int


_NOT_FOUND = _Written({}, 0)


class Positions:
    """The positions of a tree's nodes, as `PositionProvider` computes them.

    Where the text of a part stands in the file more than once, the part around it is written; in
    the end, and for layout, which belongs to no part, the file itself up to the node.
    """

    def __init__(self, tree: cst.Module, text: str) -> None:
        self._tree = tree
        self._text = text
        self._parts: dict[cst.CSTNode, _Part] = {}
        self._unseen = _parts_of(tree.body, tree.default_indent, (), None)
        self._parts_written: dict[_Part, _Written] = {}
        self._whole = self._state(())
        self._waiting = iter((*tree.header, *tree.body, *tree.footer))

    def of(self, node: cst.CSTNode) -> tuple[Position, Position] | None:
        """Start and end of `node`; None where it is not in this tree, or the tree itself."""
        with deep_recursion():
            part = self._part_of(node)
            while part is not None:
                written = self._written(part)
                if node in written.ranges:
                    return _positions(written.ranges[node], written.rows)
                part = part.around
            known = self._whole.provider._computed
            while node not in known and (rest := next(self._waiting, None)) is not None:
                rest._codegen(self._whole)
        return _positions(known.get(node), 0)

    def _part_of(self, node: cst.CSTNode) -> _Part | None:
        """The smallest part that `node` is in; those behind it are not looked at."""
        for each, part in self._unseen if node not in self._parts else ():
            self._parts[each] = part
            if each is node:
                break
        return self._parts.get(node)

    def _state(self, indents: Iterable[str]) -> PositionProvidingCodegenState:
        return PositionProvidingCodegenState(
            default_indent=self._tree.default_indent,
            default_newline=self._tree.default_newline,
            provider=PositionProvider(),
            indent_tokens=list(indents),
        )

    def _written(self, part: _Part) -> _Written:
        known = self._parts_written.get(part)
        if known is None:
            known = self._parts_written[part] = self._write(part)
        return known

    def _write(self, part: _Part) -> _Written:
        state = self._state(part.indents)
        part.statement._codegen(state)
        text = "".join(state.tokens)
        if part.headed:
            text = text[: text.rindex(":")]
        start = self._text.find(text)
        if start < 0 or self._text.rfind(text) != start:
            return _NOT_FOUND
        return _Written(state.provider._computed, len(NEWLINE_RE.findall(self._text, 0, start)))


@lru_cache(maxsize=64)
def positions_of(tree: cst.Module, text: str) -> Positions:
    """Cached by tree, which models share that share a file."""
    return Positions(tree, text)


def _parts_of(
    statements: Iterable[cst.CSTNode],
    default_indent: str,
    indents: tuple[str, ...],
    around: _Part | None,
) -> Iterator[tuple[cst.CSTNode, _Part]]:
    """Each node of `statements` with its part: a statement, but in a class those of its body."""
    for each in statements:
        whole = _Part(each, indents, around)
        if not isinstance(each, cst.ClassDef) or not isinstance(each.body, cst.IndentedBlock):
            yield from ((node, whole) for node in descendants(each))
            continue
        head = _Part(each.with_changes(body=_NO_BODY), indents, whole, headed=True)
        yield from ((node, head) for node in descendants(head.statement))
        yield from ((each, whole), (each.body, whole))
        inside = each.body.indent if each.body.indent is not None else default_indent
        yield from _parts_of(each.body.body, default_indent, (*indents, inside), whole)


def _positions(found: object, rows: int) -> tuple[Position, Position] | None:
    if not isinstance(found, CodeRange):
        return None
    start, end = found.start, found.end
    return Position(start.line + rows, start.column + 1), Position(end.line + rows, end.column + 1)

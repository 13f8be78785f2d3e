"""Model sources with syntax trees that have been changed: nodes are put in the place of others."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from functools import cache
from random import Random
from typing import NamedTuple

import libcst as cst
from libcst.metadata import ByteSpanPositionProvider, MetadataWrapper

from tests.fuzz.expressions import expression

_WRAPPERS = (
    *("for i in range(3):\n", "if config.hidden_size:\n", "while self.training:\n", "try:\n"),
    *("with torch.no_grad():\n", "def inner():\n", "class Inner:\n", "if x > 0:\n"),
)


class Piece(NamedTuple):
    """The position of a node in its file, in bytes."""

    start: int
    end: int
    is_statement: bool
    kind: str


class Grown(NamedTuple):
    """A source with the positions of its statements and expressions."""

    data: bytes
    pieces: tuple[Piece, ...]

    def text(self, piece: Piece) -> str:
        """The text at `piece`."""
        return self.data[piece.start : piece.end].decode()


@cache
def grown(text: str) -> Grown:
    """`text` with the positions of the nodes of its libcst tree."""
    wrapper = MetadataWrapper(cst.parse_module(text), unsafe_skip_copy=True)
    spans = wrapper.resolve(ByteSpanPositionProvider)
    found = [
        Piece(
            span.start,
            span.start + span.length,
            not isinstance(node, cst.BaseExpression),
            type(node).__name__,
        )
        for node, span in spans.items()
        if isinstance(node, cst.BaseExpression | cst.BaseStatement) and span.length
    ]
    return Grown(text.encode(), tuple(sorted(found)))


def changed(random: Random, source: Grown, others: Sequence[Grown]) -> str:
    """The text of `source` with some nodes replaced by others, doubled, moved or gone."""
    edits: dict[Piece, str] = {}
    for _ in range(random.choice((1, 1, 2, 3, 5))):
        piece = random.choice(source.pieces)
        apart = all(piece.end <= each.start or each.end <= piece.start for each in edits)
        if apart:
            change = _of_statement if piece.is_statement else _of_expression
            edits[piece] = change(random, source, piece, random.choice((source, *others)))
    data = source.data
    for piece, text in sorted(edits.items(), reverse=True):
        data = data[: piece.start] + text.encode("utf-8", "replace") + data[piece.end :]
    return data.decode("utf-8", "replace")


def _of_expression(random: Random, source: Grown, piece: Piece, other: Grown) -> str:
    own, form = source.text(piece), random.randrange(6)
    if form <= 1:
        same = [each for each in other.pieces if each.kind == piece.kind]
        return other.text(random.choice(same)) if same else own
    if form == 2:
        rest = [each for each in other.pieces if not each.is_statement]
        return f"({other.text(random.choice(rest))})"
    if form == 3:
        return f"({expression(random, 2)})"
    if form == 4:
        return random.choice(("0", "-1", "None", "10**9", "[]", "''", "self", "config", "1.5"))
    return random.choice(("({0} + {0})", "[{0}]", "({0},)", "{0}[0]", "{0}.x", "not {0}")).format(
        own
    )


def _of_statement(random: Random, source: Grown, piece: Piece, other: Grown) -> str:
    own, form = source.text(piece), random.randrange(5)
    indent = _indent(source, piece)
    if form == 0:
        return "pass"
    if form == 1:
        return f"{own}\n{indent}{own}"
    if form == 2:
        statements = [each for each in other.pieces if each.is_statement]
        chosen = random.choice(statements)
        return _moved(other.text(chosen), _indent(other, chosen), indent)
    if form == 3:
        body = _moved(own, indent, f"{indent}    ")
        end = f"\n{indent}finally:\n{indent}    pass"
        wrapper = random.choice(_WRAPPERS)
        return f"{wrapper}{indent}    {body}{end if wrapper.startswith('try') else ''}"
    return f"{random.choice(('self', 'config', 'x'))}.y = {expression(random, 2)}"


def _indent(source: Grown, piece: Piece) -> str:
    line = source.data[source.data.rfind(b"\n", 0, piece.start) + 1 : piece.start].decode()
    return line if not line.strip() else ""


def _moved(text: str, old: str, new: str) -> str:
    return textwrap.indent(textwrap.dedent(old + text), new).strip() if text.strip() else "pass"

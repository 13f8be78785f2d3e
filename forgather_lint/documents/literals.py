"""Entries of a dict or list as they stand in a text of Python or JSON, and changes of them.

Only what belongs to an entry is touched; comments, indentation, quotes and the ends of lines stay
as they are. A change is a list of pieces: two offsets, and what is to stand between them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import libcst as cst

from forgather_lint.core.record import record
from forgather_lint.core.recursion import deep_recursion
from forgather_lint.core.source import Place
from forgather_lint.documents.config_json import ConfigPlace
from forgather_lint.documents.python import NodePlace

Piece = tuple[int, int, str]

_STRING = re.compile(
    r"[rRuUbB]{0,2}(?:'''(?:\\.|[^\\])*?'''|\"\"\"(?:\\.|[^\\])*?\"\"\""
    r"|'(?:\\.|[^'\\\r\n])*'|\"(?:\\.|[^\"\\\r\n])*\")",
    re.DOTALL,
)
_PLAIN = re.compile(r"""(["'])([^"'\\\r\n]*)\1""")
_BLANK = re.compile(r"[ \t]*(?:#[^\r\n]*)?(?=[\r\n]|\Z)")
_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\r\n]*)*")
_OPEN, _CLOSE = "([{", ")]}"


@record
class LiteralItem:
    """`key: value`, or one item of a list, from `start` to `end`.

    `value` is where the value begins (`start` for an item), `comma` where the comma behind it
    stands, if there is one.
    """

    start: int
    value: int
    end: int
    comma: int | None


def text_of(place: Place) -> str | None:
    """The text that `place` lies in, where it is known."""
    return place.file.text if isinstance(place, NodePlace | ConfigPlace) else None


def sizes_of_call(place: Place) -> tuple[Place, ...] | None:
    """The sizes that a call of `view` or `reshape` spells out, three at least and none of them -1.

    They may stand in a tuple that the file gives the name of once. None when they are not seen.
    """
    if not isinstance(place, NodePlace) or not isinstance(place.node, cst.Call):
        return None
    call = place.node
    named = call.func.attr.value if isinstance(call.func, cst.Attribute) else ""
    if named not in ("view", "reshape") or any(each.keyword or each.star for each in call.args):
        return None
    given = [argument.value for argument in call.args]
    if len(given) == 1:
        given = _sequence(given[0], place.file.tree)
    if len(given) < 3 or any(isinstance(each, cst.UnaryOperation) for each in given):
        return None
    return tuple(NodePlace(place.file, each) for each in given)


def _sequence(node: cst.BaseExpression, tree: cst.Module) -> list[cst.BaseExpression]:
    """The elements of a tuple or list; of a name, those of the only one assigned to it."""
    if isinstance(node, cst.Name):
        found = _Assigned(node.value)
        with deep_recursion():
            tree.visit(found)
        if len(found.values) != 1:
            return []
        node = found.values[0]
    if not isinstance(node, cst.Tuple | cst.List):
        return []
    return [element.value for element in node.elements]


class _Assigned(cst.CSTVisitor):
    """Collects what is assigned to a name."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.values: list[cst.BaseExpression] = []

    def visit_Assign(self, node: cst.Assign) -> None:
        targets = (each.target for each in node.targets)
        if any(isinstance(each, cst.Name) and each.value == self.name for each in targets):
            self.values.append(node.value)


def plain_string(text: str, start: int, end: int) -> tuple[str, str] | None:
    """The quote and the content of a string literal without escapes; None for anything else."""
    found = _PLAIN.fullmatch(text, start, end)
    return (found[1], found[2]) if found else None


def entry_at(text: str, start: int, *, item: bool = False) -> LiteralItem | None:
    """The entry whose key (or, in a list, the `item`) begins at `start`; None when none does."""
    at, value = start, start if item else -1
    end, depth = start, 0
    while at < len(text):
        letter = text[at]
        string = _STRING.match(text, at)
        if string:
            at = end = string.end()
        elif letter == "#":
            at = _after_space(text, at)
        elif letter in _OPEN:
            depth += 1
            at = end = at + 1
        elif letter in _CLOSE and depth == 0:
            return LiteralItem(start, value, end, None) if value >= 0 else None
        elif letter in _CLOSE:
            depth -= 1
            at = end = at + 1
        elif letter == "," and depth == 0:
            return LiteralItem(start, value, end, at) if value >= 0 else None
        elif letter == ":" and depth == 0 and value < 0:
            at = value = end = _after_space(text, at + 1)
        elif letter.isspace():
            at += 1
        elif value < 0:
            return None  # a key that is no string alone
        else:
            at = end = at + 1
    return None


def added_behind(text: str, entry: LiteralItem, items: Sequence[str]) -> Iterator[Piece]:
    """`items` behind `entry`: each on a line of its own if the entry has one."""
    indent, line_end = indent_at(text, entry.start), _line_end(text, entry)
    if indent is None or line_end is None:
        yield entry.end, entry.end, "".join(f", {item}" for item in items)
        return
    newline = newline_at(text, entry.start)
    joined = f",{newline}{indent}".join(items)
    if entry.comma is not None:
        yield line_end, line_end, f"{newline}{indent}{joined},"
    elif text[entry.end : line_end].strip():  # a comment stands behind the last entry
        yield entry.end, entry.end, ","
        yield line_end, line_end, f"{newline}{indent}{joined}"
    else:
        yield entry.end, entry.end, f",{newline}{indent}{joined}"


def added_before(text: str, entry: LiteralItem, items: Sequence[str]) -> Piece:
    """`items` before `entry`, in the same manner."""
    indent = indent_at(text, entry.start)
    between = " " if indent is None else f"{newline_at(text, entry.start)}{indent}"
    return entry.start, entry.start, "".join(f"{item},{between}" for item in items)


def removed(text: str, entry: LiteralItem) -> Piece:
    """The text without `entry`, and without its line if it has one of its own."""
    if entry.comma is None:
        return _without_the_last(text, entry)
    indent, line_end = indent_at(text, entry.start), _line_end(text, entry)
    if indent is not None and line_end is not None:
        below = re.compile(r"\r\n|\r|\n").match(text, line_end)
        return entry.start - len(indent), below.end() if below else line_end, ""
    behind = entry.comma + 1
    return entry.start, behind + (text[behind : behind + 1] == " "), ""


def _without_the_last(text: str, entry: LiteralItem) -> Piece:
    """A last entry goes with the comma before it: JSON knows no comma behind the last."""
    before = text[: entry.start].rstrip()
    start = len(before) - 1 if before.endswith(",") else entry.start
    return start, entry.end, ""


def merged(text: str, first: LiteralItem, second: LiteralItem) -> Iterator[Piece]:
    """`first` with the value of `second` and the comment behind it; `second` is gone."""
    yield first.value, first.end, text[second.value : second.end]
    here, there = _comment(text, first), _comment(text, second)
    if here is not None and there is not None:
        yield *here, text[slice(*there)]
    yield removed(text, second)


def ordered(
    text: str, before: Sequence[LiteralItem], after: Sequence[LiteralItem]
) -> Iterator[Piece]:
    """The places of `before` with the entries of `after`, the same ones in another order.

    The comment behind an entry goes with it.
    """
    for place, entry in zip(before, after, strict=True):
        if place != entry:
            yield place.start, place.end, text[entry.start : entry.end]
            here, there = _comment(text, place), _comment(text, entry)
            if here is not None and there is not None and text[slice(*here)] != text[slice(*there)]:
                yield *here, text[slice(*there)]


def mapped(text: str, start: int, end: int, value: str) -> list[Piece] | None:
    """The list or tuple of strings that ends at `end` as a dict that maps each to `value`.

    None when something else stands between `start` and `end`, or nothing is in it.
    """
    opening = re.compile(r"[^\[({\"'#]*[\[(]").match(text, start, end)
    if opening is None or text[end - 1] not in "])":
        return None
    pieces: list[Piece] = [(opening.end() - 1, opening.end(), "{"), (end - 1, end, "}")]
    at = _after_space(text, opening.end())
    while at < end - 1:
        item = entry_at(text, at, item=True)
        found = plain_string(text, item.start, item.end) if item else None
        if item is None or found is None:
            return None
        pieces.append((item.end, item.end, f": {found[0]}{value}{found[0]}"))
        at = _after_space(text, item.end if item.comma is None else item.comma + 1)
    return pieces if len(pieces) > 2 else None


def _after_space(text: str, at: int) -> int:
    """Where the next thing that is no comment begins."""
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _comment(text: str, entry: LiteralItem) -> tuple[int, int] | None:
    """What stands on the line behind the entry and its comma; None if that is more code."""
    line_end = _line_end(text, entry)
    start = entry.end if entry.comma is None else entry.comma + 1
    return None if line_end is None else (start, line_end)


def indent_at(text: str, start: int) -> str | None:
    """What stands before `start` on its line, if that is blank."""
    line = text[max(text.rfind("\n", 0, start), text.rfind("\r", 0, start)) + 1 : start]
    return line if not line.strip() else None


def _line_end(text: str, entry: LiteralItem) -> int | None:
    """The end of the line on which the entry ends, if nothing but a comment follows on it."""
    found = _BLANK.match(text, entry.end if entry.comma is None else entry.comma + 1)
    return found.end() if found else None


def newline_at(text: str, start: int) -> str:
    """How the line before `start` ends."""
    found = re.compile(r"\r\n|\r|\n").search(text, max(0, text.rfind("\n", 0, start) - 1))
    return found[0] if found else "\n"

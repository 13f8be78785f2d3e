"""Entries of a dict or list in a text of Python or JSON, and how to edit them.

Only the text of an entry is touched; comments, indentation, quotes and line ends stay as they are.
An edit is a list of pieces: two offsets, and the text to put between them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import libcst as cst

from forgather_lint.core.record import record
from forgather_lint.core.recursion import deep_recursion
from forgather_lint.core.source import Place
from forgather_lint.documents.config_json import ConfigPlace
from forgather_lint.documents.newlines import newline_at
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
    """`key: value`, or one item of a list, from `start` to `end` (offsets).

    `value` is where the value begins (`start` for an item of a list), `comma` the offset of the
    comma behind it, None if there is none.
    """

    start: int
    value: int
    end: int
    comma: int | None


def text_of(place: Place) -> str | None:
    """The whole text of the file of `place`; None where it is not known."""
    return place.file.text if isinstance(place, NodePlace | ConfigPlace) else None


def sizes_of_call(place: Place) -> tuple[Place, ...] | None:
    """The places of the sizes in a call of `view` or `reshape`: at least three, none of them -1.

    They may be in a tuple or list to which the file gives a name once. None when they are not
    found.
    """
    if not isinstance(place, NodePlace) or not isinstance(place.node, cst.Call):
        return None
    call = place.node
    named = call.func.attr.value if isinstance(call.func, cst.Attribute) else ""
    if named not in ("view", "reshape") or any(each.keyword for each in call.args):
        return None
    if any(each.star == "**" for each in call.args) or any(each.star for each in call.args[-2:]):
        return None  # in front of the last two, which are counted from behind, a star is one place
    given = [argument.value for argument in call.args]
    if len(given) == 1:
        given = _sequence(given[0], place.file.tree)
    if len(given) < 3 or any(isinstance(each, cst.UnaryOperation) for each in given):
        return None
    return tuple(NodePlace(place.file, each) for each in given)


def _sequence(node: cst.BaseExpression, tree: cst.Module) -> list[cst.BaseExpression]:
    """The elements of a tuple or list; for a name, of the only one that is assigned to it."""
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
    """Collects the expressions assigned to a name."""

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
    """The entry whose key (or, in a list, the `item`) begins at `start`.

    None when none begins there.
    """
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
    """The pieces that add `items` behind `entry`: on lines of their own if the entry is on one."""
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
    """The piece that adds `items` before `entry`: on lines of their own if the entry is on one."""
    indent = indent_at(text, entry.start)
    between = " " if indent is None else f"{newline_at(text, entry.start)}{indent}"
    return entry.start, entry.start, "".join(f"{item},{between}" for item in items)


def removed(text: str, entry: LiteralItem) -> Piece:
    """The piece that removes `entry`, and its line if nothing else is on it."""
    if entry.comma is None:
        return _without_the_last(text, entry)
    indent, line_end = indent_at(text, entry.start), _line_end(text, entry)
    if indent is not None and line_end is not None:
        below = re.compile(r"\r\n|\r|\n").match(text, line_end)
        return entry.start - len(indent), below.end() if below else line_end, ""
    behind = entry.comma + 1
    return entry.start, behind + (text[behind : behind + 1] == " "), ""


def _without_the_last(text: str, entry: LiteralItem) -> Piece:
    """The piece that removes the last entry and the comma before it.

    JSON allows none at the end.
    """
    before = text[: entry.start].rstrip()
    start = len(before) - 1 if before.endswith(",") else entry.start
    return start, entry.end, ""


def merged(text: str, first: LiteralItem, second: LiteralItem) -> Iterator[Piece]:
    """The pieces that give `first` the value and comment of `second`, and remove `second`."""
    yield first.value, first.end, text[second.value : second.end]
    here, there = _comment(text, first), _comment(text, second)
    if here is not None and there is not None:
        yield *here, text[slice(*there)]
    yield removed(text, second)


def ordered(
    text: str, before: Sequence[LiteralItem], after: Sequence[LiteralItem]
) -> Iterator[Piece]:
    """The pieces that put the entries `after` where `before` are: the same ones in a new order.

    The comment behind an entry moves with it.
    """
    for place, entry in zip(before, after, strict=True):
        if place != entry:
            yield place.start, place.end, text[entry.start : entry.end]
            here, there = _comment(text, place), _comment(text, entry)
            if here is not None and there is not None and text[slice(*here)] != text[slice(*there)]:
                yield *here, text[slice(*there)]


def mapped(text: str, start: int, end: int, value: str) -> list[Piece] | None:
    """The pieces that turn a list or tuple of strings into a dict that maps each to `value`.

    The list is the text from `start` to `end`. None when there is anything but strings, or nothing,
    in it.
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
    """The offset, from `at` on, of the first character behind white space and comments."""
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _comment(text: str, entry: LiteralItem) -> tuple[int, int] | None:
    """Start and end of what follows the entry and its comma on the line; None if that is code."""
    line_end = _line_end(text, entry)
    start = entry.end if entry.comma is None else entry.comma + 1
    return None if line_end is None else (start, line_end)


def indent_at(text: str, start: int) -> str | None:
    """The white space before `start` on its line; None if there is anything else."""
    line = text[max(text.rfind("\n", 0, start), text.rfind("\r", 0, start)) + 1 : start]
    return line if not line.strip() else None


def _line_end(text: str, entry: LiteralItem) -> int | None:
    """The end of the line on which the entry ends; None if anything but a comment follows on it."""
    found = _BLANK.match(text, entry.end if entry.comma is None else entry.comma + 1)
    return found.end() if found else None

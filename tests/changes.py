"""Changes of a text as a reader wants to see them: what is removed, what is added, and where.

A change is a list of hunks in the manner of `diff`:

    @@ TinyAttention.forward
         scores = self.scores(query, key)
    -    return self.o_proj(scores)
    +    return self.o_proj(scores) * 2

`@@` names the class, function or assignment in which the lines are searched (nothing: the whole
file). A line that begins with a blank stays, `-` is removed, `+` is added; ` ...` and `-...` stand
for any lines up to the next one that is written, or to the end of what `@@` names. A hunk that only
adds does so at that end. The lines of a hunk must occur there exactly once: a change that does not
apply, or that is ambiguous, raises `ChangeFailed` with its line.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

ANY = "..."
"""Stands for lines that are not written out."""


class ChangeFailed(Exception):
    """A change does not fit the text it is for."""

    def __init__(self, row: int, reason: str) -> None:
        super().__init__(f"line {row}: {reason}")
        self.row = row


@dataclass(slots=True)
class Hunk:
    """Lines to find within `scope`, and what becomes of each; `row` is the line of the hunk."""

    row: int
    scope: str
    lines: list[tuple[str, str]] = field(default_factory=list)
    """The sign (blank, `-` or `+`) and the text of each line."""


@dataclass(frozen=True, slots=True)
class Replacement:
    """Lines `start` to `end` of the old text (counted from 0) become `lines`."""

    start: int
    end: int
    lines: tuple[str, ...]
    row: int


def changed(text: str, change: str, *, row: int = 1, plain: Callable[[str], str] = str) -> str:
    """`text` with every hunk of `change` applied; `row` is the line on which `change` begins.

    Lines are compared as `plain` leaves them; one that stays is taken as the change writes it.
    """
    old = text.splitlines()
    made = sorted(
        (_replacement(old, hunk, plain) for hunk in hunks(change, row)),
        key=lambda made: (made.start, made.end),
    )
    for before, after in itertools.pairwise(made):
        if after.start < before.end:
            raise ChangeFailed(after.row, f"changes lines that line {before.row} changes too")
    for each in reversed(made):
        old[each.start : each.end] = each.lines
    return "".join(f"{line}\n" for line in old)


def hunks(change: str, row: int = 1) -> Iterator[Hunk]:
    """The hunks of `change`, which begins on line `row`."""
    hunk = Hunk(row, "")
    for at, line in enumerate(change.splitlines(), start=row):
        if line.startswith("@@"):
            if hunk.lines:
                yield hunk
            hunk = Hunk(at, line.removeprefix("@@").strip())
        elif line[:1] in {"", " ", "-", "+"}:
            hunk.lines.append((line[:1] or " ", line[1:]))
        else:
            raise ChangeFailed(at, f"begins with neither a blank, `-`, `+` nor `@@`: {line}")
    if hunk.lines:
        yield hunk


def _replacement(old: Sequence[str], hunk: Hunk, plain: Callable[[str], str]) -> Replacement:
    start, end = _extent(old, hunk)
    if all(sign == "+" for sign, _ in hunk.lines):
        return Replacement(end, end, tuple(text for _, text in hunk.lines), hunk.row)
    applied = [
        made
        for begin in range(start, end)
        if (made := _applied(old, hunk, begin, (start, end), plain)) is not None
    ]
    if len(applied) != 1:
        where = f"`{hunk.scope}`" if hunk.scope else "the file"
        what = next(text for sign, text in hunk.lines if sign != "+")
        raise ChangeFailed(hunk.row, f"{where} has {len(applied) or 'no'} such lines: {what}")
    return applied[0]


def _applied(
    old: Sequence[str],
    hunk: Hunk,
    begin: int,
    extent: tuple[int, int],
    plain: Callable[[str], str],
) -> Replacement | None:
    """The replacement of the lines from `begin` on; None if they are not those of the hunk."""
    start, end = extent
    at, lines = begin, list[str]()
    stated = [
        plain(text)
        for sign, text in hunk.lines
        if sign != "+" and text != ANY and not _is_note(text, plain)
    ]
    if hunk.lines[0][1] == ANY and begin != start:
        return None
    for sign, text in hunk.lines:
        if sign == "+" or _is_note(text, plain):
            lines.append(text)
        elif text == ANY:
            upto = next((i for i in range(at, end) if stated and old[i] == stated[0]), None)
            if upto is None and stated:
                return None
            upto = end if upto is None else upto
            lines += old[at:upto] if sign == " " else []
            at = upto
        elif at < end and old[at] == stated.pop(0):
            lines += [text] if sign == " " else []
            at += 1
        else:
            return None
    return Replacement(begin, at, tuple(lines), hunk.row)


def _is_note(text: str, plain: Callable[[str], str]) -> bool:
    """Whether a line consists only of what `plain` removes."""
    return bool(text.strip()) and not plain(text).strip()


def _extent(old: Sequence[str], hunk: Hunk) -> tuple[int, int]:
    """The lines in which a hunk applies, counted from 0; `end` is the first line behind."""
    if not hunk.scope:
        return 0, len(old)
    found = definitions("\n".join(old)).get(hunk.scope)
    if found is None:
        raise ChangeFailed(hunk.row, f"there is no `{hunk.scope}`")
    return found


def definitions(text: str) -> dict[str, tuple[int, int]]:
    """The lines of each class, function and assignment of Python text by its dotted name."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return {}
    return dict(_definitions(tree.body, ""))


def _definitions(body: Sequence[ast.stmt], prefix: str) -> Iterator[tuple[str, tuple[int, int]]]:
    for node in body:
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                start = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            case ast.Assign(targets=[ast.Name(id=name)]):
                start = node.lineno
            case _:
                continue
        yield prefix + name, (start - 1, node.end_lineno or start)
        if isinstance(node, ast.ClassDef):
            yield from _definitions(node.body, f"{prefix}{name}.")

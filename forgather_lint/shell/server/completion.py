"""Completion inside a plan: names of modules as keys, styles of the target as values.

The text is used as it is typed and need not be parseable: only what is before the cursor counts,
from the name of the plan on.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from forgather_lint.session.picture import Picture

_PLAN = re.compile(r"""\b(base_model_|_)?(?P<kind>tp|pp)_plan\b["']?\s*(?::[^={}\n]*)?[:=]\s*\{""")
_PART = re.compile(r"""(?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|\#[^\n]*|[{}()\[\],:]""")
_OPEN_STRING = re.compile(r"""["'](?P<typed>[^"'\n]*)\Z""")
_FARTHEST = 20_000


class Hole(NamedTuple):
    """The place inside a plan at which something is typed.

    `typed` is the content of the string so far, `quoted` whether a string has been begun.
    """

    of_pipeline: bool
    is_key: bool
    typed: str
    quoted: bool


class Completion(NamedTuple):
    """A text to insert, and how it is labelled."""

    text: str
    detail: str


def hole_at(text: str, offset: int) -> Hole | None:
    """The hole that the cursor is in; None outside of plans."""
    before = text[max(0, offset - _FARTHEST) : offset]
    plans = list(_PLAN.finditer(before))
    if not plans:
        return None
    found = plans[-1]
    rest = before[found.end() :]
    depth, colon, end = 1, False, 0
    for part in _PART.finditer(rest):
        end = part.end()
        if part["string"] or part[0].startswith("#"):
            continue
        depth += (part[0] in "{([") - (part[0] in "})]")
        if depth == 0:
            return None
        if depth == 1:
            colon = part[0] == ":" or (colon and part[0] != ",")
    comment = rest.rpartition("\n")[2].lstrip().startswith("#")
    if depth != 1 or comment:
        return None
    opened = _OPEN_STRING.search(rest, end)
    typed = opened["typed"] if opened else ""
    return Hole(found["kind"] == "pp", not colon, typed, opened is not None)


def words(picture: Picture, hole: Hole) -> list[Completion]:
    """The completions for `hole`."""
    if not hole.is_key:
        return (
            []
            if hole.of_pipeline
            else [Completion(each, picture.release) for each in picture.styles]
        )
    known = {each.name: each for each in picture.modules}
    names = [
        name
        for name in picture.names
        if hole.of_pipeline is ("." not in name)
        and (hole.of_pipeline or (name in known and known[name].shape is not None))
    ]
    taken = {entry.key for entry in picture.entries if entry.of_pipeline is hole.of_pipeline}
    free = [name for name in names if name not in taken or name == hole.typed]
    return [Completion(name, known[name].cls if name in known else "") for name in free]

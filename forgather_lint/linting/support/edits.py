"""Fixes that change names and entries of plans, keeping the quotes and the layout around them.

Each fix states how far it may be trusted. What is not written as a literal, such as a plan built in
a loop, has no fix.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence

from forgather_lint.core.diagnostics import Applicability, Edit, Fix
from forgather_lint.core.record import record
from forgather_lint.core.source import Lines, Place
from forgather_lint.documents.literals import (
    LiteralItem,
    Piece,
    added_before,
    added_behind,
    entry_at,
    mapped,
    merged,
    ordered,
    plain_string,
    sizes_of_call,
    text_of,
)
from forgather_lint.facts import PlanEntry, PlanOrigin
from forgather_lint.facts.causes.placement import ReshapeDoesNotFit

SAFE, UNSAFE = Applicability.SAFE, Applicability.UNSAFE


@record
class _Text:
    """The text of a file that is to be changed."""

    path: str
    text: str
    lines: Lines

    def edits(self, pieces: Iterable[Piece]) -> tuple[Edit, ...]:
        """`pieces` as edits of this file."""
        return tuple(
            Edit(self.lines.span(self.path, start, end), content) for start, end, content in pieces
        )

    def entry(self, key: Place, *, item: bool = False) -> LiteralItem | None:
        """The entry whose key is at `key`; None if none begins there."""
        return entry_at(self.text, self.lines.offset(key.span.start), item=item)


def _text(place: Place) -> _Text | None:
    text = text_of(place)
    return None if text is None else _Text(place.span.path, text, Lines(text))


def rename(where: Place, name: str, title: str, applicability: Applicability) -> Fix | None:
    """The fix that replaces the string literal at `where` by `name`.

    None if it is no plain literal.
    """
    edit = requoted(where, name)
    return Fix(title, (edit,), applicability) if edit else None


def requoted(where: Place, content: str) -> Edit | None:
    """The edit that gives the string literal at `where` another content, in its own quotes.

    None when there is no plain literal.
    """
    text, quote = _text(where), '"'
    if text is not None:
        start, end = (text.lines.offset(each) for each in (where.span.start, where.span.end))
        found = plain_string(text.text, start, end)
        if found is None:
            return None
        quote = found[0]
    return Edit(where, f"{quote}{content}{quote}")


def rename_key(entry: PlanEntry, full_key: str, *, sure: bool = False) -> Fix | None:
    """The fix that replaces the key of an entry; `full_key` is relative to the base model.

    `sure`: the new name follows from a naming rule, and the entry has no effect today.
    """
    key = _as_written(entry, full_key)
    if key is None:
        return None
    title = f"Rename the pattern to `{key}`"
    return rename(entry.key_where, key, title, SAFE if sure else UNSAFE)


def change_style(entry: PlanEntry, style: str, applicability: Applicability = UNSAFE) -> Fix | None:
    """Replace the style of a tensor-parallel entry."""
    return rename(entry.value_where, style, f"Use `{style}`", applicability)


def add_after(entry: PlanEntry, styles: Mapping[str, str]) -> Fix | None:
    """The fix that adds tensor-parallel entries (full key to style) behind `entry`."""
    written = {_as_written(entry, full_key): style for full_key, style in styles.items()}
    keys = {key: style for key, style in written.items() if key is not None}
    if len(keys) < len(written) or not keys:
        return None
    names = ", ".join(f"`{key}`" for key in keys)
    return _added(entry, keys, f"Add {names} to the plan")


def _added(entry: PlanEntry, styles: Mapping[str, str], title: str) -> Fix | None:
    quote = _quote(entry.key_where)
    items = [f"{quote}{key}{quote}: {quote}{style}{quote}" for key, style in styles.items()]
    text = _text(entry.key_where)
    if text is None or (found := text.entry(entry.key_where)) is None:
        return None
    edits = text.edits(added_behind(text.text, found, items))
    # In a template the entries are lines of YAML.
    first = Edit(edits[0].where, edits[0].content, entry.key_where, tuple(styles.items()))
    return Fix(title, (first, *edits[1:]), UNSAFE)


def entry_text(beside: PlanEntry, key: str, inputs: Sequence[str], outputs: Sequence[str]) -> str:
    """A pipeline entry as text, as it would be written in the plan that holds `beside`."""
    names = ", ".join(json.dumps(list(each)) for each in (inputs, outputs))
    in_json = beside.origin is PlanOrigin.CONFIG_JSON
    return f'"{key}": [{names}]' if in_json else f'"{key}": ({names})'


def add_text(entry: PlanEntry, item: str, title: str, *, before: bool = False) -> Fix | None:
    """The fix that adds `item`, an entry as text with double quotes, behind or before `entry`."""
    text = _text(entry.key_where)
    if text is None or (found := text.entry(entry.key_where)) is None:
        return None
    item = item.replace('"', _quote(entry.key_where))
    if before:
        pieces: Iterable[Piece] = (added_before(text.text, found, [item]),)
    else:
        pieces = added_behind(text.text, found, [item])
    return Fix(title, text.edits(pieces), UNSAFE)


def merge_duplicate(first: Place, second: Place, key: str) -> Fix | None:
    """The fix for a key that occurs twice: the first gets the last value, the second goes."""
    text = _text(first)
    if text is None or first.span.path != second.span.path:
        return None
    one, other = text.entry(first), text.entry(second)
    if one is None or other is None:
        return None
    pieces = merged(text.text, one, other)
    return Fix(f"Keep one entry for `{key}`", text.edits(pieces), SAFE)


def reorder(entries: Sequence[PlanEntry], wanted: Sequence[PlanEntry]) -> Fix | None:
    """The fix that puts `entries`, all in one literal, in the order of `wanted`."""
    text = _text(entries[0].key_where)
    if text is None or len({each.key_where.span.path for each in entries}) > 1:
        return None
    found = {each: text.entry(each.key_where) for each in entries}
    before = [each for one in entries if (each := found[one]) is not None]
    after = [each for one in wanted if (each := found[one]) is not None]
    if len(before) < len(entries) or len({each.start for each in before}) < len(before):
        return None
    edits = text.edits(ordered(text.text, before, after))
    title = "Put the entries in the order in which they run"
    return Fix(title, edits, UNSAFE) if edits else None


def tie_to(where: Place, source: str) -> Fix | None:
    """The fix that turns the list of tied weights at `where` into a dict from each to `source`."""
    text = _text(where)
    if text is None:
        return None
    start, end = (text.lines.offset(each) for each in (where.span.start, where.span.end))
    pieces = mapped(text.text, start, end, source)
    if pieces is None:
        return None
    return Fix(f"Tie them to `{source}`", text.edits(pieces), SAFE)


def inferred_size(where: Place, misfit: ReshapeDoesNotFit | None) -> Fix | None:
    """The fix that replaces the number of heads in a call of `view` or `reshape` by `-1`.

    The number of heads is the first of the last two sizes of `misfit` that the ranks divide;
    without `misfit` it is the last of three sizes and the last but one of more.
    """
    places = sizes_of_call(where)
    if places is None:
        return None
    at = -1 if len(places) == 3 else -2
    held = re.match(r"\d+", misfit.size) if misfit is not None else None
    if misfit is not None and held is not None:
        sizes = [int(each) if each.isdigit() else 1 for each in misfit.target]
        ranks, rest = divmod(math.prod(sizes), int(held[0]))
        divided = [place for place in (-2, -1) if sizes[place] > 1 and sizes[place] % ranks == 0]
        if rest or ranks < 2 or not divided or len(sizes) < len(places):
            return None
        at = divided[0]
    return Fix("Let torch infer the size", (Edit(places[at], "-1"),), SAFE)


def _quote(where: Place) -> str:
    text = _text(where)
    if text is None:
        return '"'
    found = text.text[text.lines.offset(where.span.start) :][:1]
    return found if found in ("'", '"') else '"'


def _as_written(entry: PlanEntry, full_key: str) -> str | None:
    """`full_key` without the prefix that `post_init` adds; None if it does not have that prefix."""
    prefix = f"{entry.prefix}." if entry.prefix else ""
    return full_key.removeprefix(prefix) if full_key.startswith(prefix) else None

"""Cells of `matrix` for people: a table for each target, with reasons and a legend."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import click

from forgather_lint.core.printable import printable, shortened, width
from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.engines.api import Cell
from forgather_lint.execution.outcome import Verdict
from forgather_lint.facts.release import Release
from forgather_lint.facts.sizes import alike, named_pairs
from forgather_lint.linting.registry import code_of

COLOURS = {
    Verdict.SERVES: "green",
    Verdict.FAILS: "red",
    Verdict.WRONG: "magenta",
    Verdict.UNKNOWN: "yellow",
    Verdict.OWN_MODEL: "cyan",
}
MEANINGS = {
    Verdict.SERVES: "serves: answers as the model does",
    Verdict.FAILS: "fails: ends with an error",
    Verdict.WRONG: "wrong: runs, and answers something else",
    Verdict.UNKNOWN: "unknown: not decided",
    Verdict.OWN_MODEL: "own model: not judged",
}
_LONGEST_REASON = 300

Shown = Callable[[Place], str]


def tables(cells: Sequence[Cell], titles: Mapping[Release, str], shown: Shown) -> Iterator[str]:
    """All lines; `titles` of the releases, `shown` formats a place."""
    for release in dict.fromkeys(cell.target for cell in cells):
        yield from _table([cell for cell in cells if cell.target == release], titles[release])
        yield from reasons([cell for cell in cells if cell.target == release], shown)
    yield f"  ({legend(cells)})"


def _table(cells: Sequence[Cell], title: str) -> Iterator[str]:
    yield title
    stages = list(dict.fromkeys(cell.pipeline_parallel_size for cell in cells))
    parts = [parts_of(cell) for cell in cells]
    widths = [max(width(each[place]) for each in parts) for place in range(3)]
    whole = sum(widths) + sum(each > 0 for each in widths) - 1
    heads = [named_stages(number).ljust(whole) for number in stages]
    wide = max([whole, *map(len, heads)])
    yield f"  {'':<9}" + "".join(f"   {head:<{wide}}" for head in heads).rstrip()
    for ranks in dict.fromkeys(cell.tensor_parallel_size for cell in cells):
        row = [cell for cell in cells if cell.tensor_parallel_size == ranks]
        line = "".join(f"   {_cell(cell, widths, wide)}" for cell in row)
        yield f"  {named_ranks(ranks):<9}" + line.rstrip()


def named_ranks(number: int) -> str:
    """`1 rank`, `2 ranks`."""
    return f"{number} rank" if number == 1 else f"{number} ranks"


def named_stages(number: int) -> str:
    """`1 stage`, `2 stages`."""
    return f"{number} stage" if number == 1 else f"{number} stages"


def parts_of(cell: Cell) -> tuple[str, str, str]:
    """The verdict, code and size in bytes of a cell, as text."""
    verdict = cell.outcome.verdict
    code = code_of(cell.outcome) if verdict is not Verdict.OWN_MODEL else ""
    size = "" if cell.bytes_per_rank is None else bytes_in_words(cell.bytes_per_rank)
    return cell.target.worded(verdict.value), code, size


def _cell(cell: Cell, widths: Sequence[int], wide: int) -> str:
    verdict, code, size = parts_of(cell)
    columns = (f"{verdict:<{widths[0]}}", f"{code:<{widths[1]}}", f"{size:>{widths[2]}}")
    text = " ".join(each for each, room in zip(columns, widths, strict=True) if room)
    return click.style(text, fg=COLOURS[cell.outcome.verdict]) + " " * (wide - width(text))


def bytes_in_words(size: int) -> str:
    """A number of bytes with three digits: `1.63 MiB`."""
    amount, units = float(size), ["B", "KiB", "MiB", "GiB", "TiB"]
    while amount >= 1024 and len(units) > 1:
        amount, units = amount / 1024, units[1:]
    return f"{amount:.3g} {units[0]}"


@record
class Reason:
    """Why cells do not serve: a code or verdict, the sizes (empty: all), a place and a text."""

    code: str
    sizes: str
    place: str
    text: str


def reasons(cells: Sequence[Cell], shown: Shown) -> Iterator[str]:
    """The reasons, each on a line."""
    for each in reasons_of(cells, shown):
        at = f" at {each.sizes}" if each.sizes else ""
        place = f"{printable(each.place)}: " if each.place else ""
        yield f"  {each.code}{at}: {place}{printable(each.text)}"


def reasons_of(cells: Sequence[Cell], shown: Shown) -> Iterator[Reason]:
    """The reasons; those that differ only in numbers are told once."""
    groups: dict[tuple[str, str, str], list[Cell]] = {}
    for cell in cells:
        if cell.outcome.reason:
            place = shown(cell.outcome.where) if cell.outcome.where else ""
            code = code_of(cell.outcome) or cell.outcome.verdict.value
            groups.setdefault((code, place, alike(cell.outcome.reason)), []).append(cell)
    for (code, place, _), group in groups.items():
        sizes = named_pairs((c.tensor_parallel_size, c.pipeline_parallel_size) for c in group)
        text = shortened(printable(group[0].outcome.reason), _LONGEST_REASON)
        yield Reason(code, "" if len(group) == len(cells) else sizes, place, text)


def legend(cells: Sequence[Cell]) -> str:
    """The meaning of the words and sizes that occur."""
    found = {cell.outcome.verdict for cell in cells}
    words = [meaning for verdict, meaning in MEANINGS.items() if verdict in found]
    sized = [cell.bytes_per_rank is not None for cell in cells]
    if any(sized):
        words.append("sizes: parameters of the fullest rank")
    without = {cell.outcome.verdict for cell in cells if cell.bytes_per_rank is None}
    if Verdict.FAILS in without:
        words.append("no size where it ends before a rank has its weights")
    if without - {Verdict.FAILS, Verdict.OWN_MODEL}:
        words.append("no size where the weights of a rank are not known")
    return "; ".join(words)

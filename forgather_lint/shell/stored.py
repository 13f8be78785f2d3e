"""A checkpoint compared with what is built, for people or as JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from forgather_lint.engines.api import BuiltTensor, StoredBeside
from forgather_lint.shell.say import say

_NUMBER = re.compile(r"(?<=\.)\d+(?=\.)")
_MISSING = "nothing"


def show(beside: StoredBeside, expand: bool) -> None:
    """Print each parameter with the tensor stored for it; equal layers share a line."""
    rows = [_row(each) for each in beside.built]
    rows += [(name, "no place", _told(dtype, shape)) for name, dtype, shape in beside.strangers]
    shown = list(rows if expand else _folded(rows))
    if shown:
        widths = [max(len(row[column]) for row in shown) for column in range(2)]
        for name, built, kept in [("tensor", "built", "stored"), *shown]:
            say(f"{name:<{widths[0]}}  {built:<{max(widths[1], 5)}}  {kept}")
        say(f"stored: {_size(beside.stored_bytes)}")
    if beside.on_ranks:
        sizes = (f"{ranks}: {_size(size)}" for ranks, size in beside.on_ranks.items())
        say(f"on each of so many ranks, in the types that are stored: {', '.join(sizes)}")
    if beside.note:
        say(f"undecided: {beside.note}", err=True)


def _row(each: BuiltTensor) -> tuple[str, str, str]:
    built = "?" if each.shape is None else _shape(each.shape)
    if not each.dtype:
        return each.name, built, _MISSING
    kept = _told(each.dtype, each.stored_shape)
    if not each.fits:
        kept += "  of another size"
    if each.stored_name != each.name:
        kept += f"  as {each.stored_name}"
    return each.name, built, kept


def _folded(rows: Sequence[tuple[str, str, str]]) -> Iterator[tuple[str, str, str]]:
    """The rows, with those together whose names differ only in the first number."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for name, built, kept in rows:
        number = _NUMBER.search(name)
        key = tuple(_NUMBER.sub("\0", text, count=1) for text in (name, built, kept))
        groups.setdefault((key[0], key[1], key[2]), []).append(number[0] if number else "")
    for (name, built, kept), numbers in groups.items():
        told = f"{numbers[0]}-{numbers[-1]}" if len(numbers) > 1 else numbers[0]
        if numbers != [
            str(each) for each in range(int(numbers[0] or 0), int(numbers[-1] or 0) + 1)
        ]:
            told = ",".join(numbers)
        yield name.replace("\0", told), built, kept.replace("\0", told)


def _told(dtype: str, shape: Iterable[int]) -> str:
    return f"{dtype} {_shape(tuple(shape))}"


def _shape(shape: Sequence[int | None]) -> str:
    return " x ".join("?" if size is None else str(size) for size in shape) or "one"


def _size(size: int) -> str:
    amount, units = float(size), ["B", "KiB", "MiB", "GiB", "TiB"]
    while amount >= 1024 and len(units) > 1:
        amount, units = amount / 1024, units[1:]
    return f"{amount:.3g} {units[0]}"


def as_json(beside: StoredBeside) -> dict[str, object]:
    """An object for each parameter, and the tensors without one."""
    return {
        "built": [
            {
                "name": each.name,
                "shape": None if each.shape is None else list(each.shape),
                "stored": {
                    "name": each.stored_name,
                    "dtype": each.dtype,
                    "shape": list(each.stored_shape),
                }
                if each.dtype
                else None,
            }
            for each in beside.built
        ],
        "without_place": [
            {"name": name, "dtype": dtype, "shape": list(shape)}
            for name, dtype, shape in beside.strangers
        ],
        "stored_bytes": beside.stored_bytes,
        "bytes_on_ranks": {str(ranks): size for ranks, size in beside.on_ranks.items()},
        "undecided": beside.note or None,
    }

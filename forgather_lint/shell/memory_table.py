"""The tables of `matrix --gpu-memory`: what the fullest rank holds at each size, and what fits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from forgather_lint.core.printable import printable
from forgather_lint.engines.api import Cell
from forgather_lint.execution.outcome import Verdict
from forgather_lint.facts.release import Release
from forgather_lint.facts.sizes import named_pairs
from forgather_lint.shell.size_table import bytes_in_words


def memory_tables(cells: Sequence[Cell], titles: Mapping[Release, str]) -> Iterator[str]:
    """A table for each release whose memory is known, and the first size that fits."""
    told = [cell for cell in cells if cell.capacity is not None]
    releases = list(dict.fromkeys(cell.target for cell in told))
    for release in releases:
        if len(releases) > 1:
            yield titles[release]
        yield from _memory([cell for cell in told if cell.target == release])


NOT_COUNTED = "upper bounds: activations, CUDA graphs and drivers are neither counted nor measured"
"""No run on a CPU tells of them: its worker takes off what its process holds (cpu_worker.py)."""
_COLUMNS = {
    "ranks": 7,
    "stages": 8,
    "parameters": 12,
    "left at most": 14,
    "a token": 11,
    "tokens": 16,
    "requests": 22,
}


def _memory(rows: Sequence[Cell]) -> Iterator[str]:
    told = [(cell, cell.capacity) for cell in rows if cell.capacity is not None]
    yield "  " + "".join(f"{name:>{width}}" for name, width in _COLUMNS.items())
    for cell, held in told:
        words = (
            str(cell.tensor_parallel_size),
            str(cell.pipeline_parallel_size),
            _bytes_or_none(held.weights),
            _bytes_or_none(held.room) if (held.room or 0) > 0 else "none",
            _bytes_or_none(held.token_bytes),
            "?" if held.tokens is None else f"{held.tokens:,}",
            "?" if held.requests is None else f"{held.requests:,.2f} x {held.max_model_len:,}",
        )
        line = zip(words, _COLUMNS.values(), strict=True)
        yield "  " + "".join(f"{word:>{width}}" for word, width in line)
    for unknown in dict.fromkeys(held.unknown for _, held in told if held.unknown):
        yield f"  not known: {printable(unknown)}"
    fitting = first_that_fits(rows)
    if fitting is not None:
        ranks, stages = fitting.tensor_parallel_size, fitting.pipeline_parallel_size
        sizes = named_pairs([(ranks, stages)])
        yield f"  the fewest devices on which it serves and may fit: {sizes}"
    elif not any(held.unknown for _, held in told):
        yield "  at none of these sizes a request fits"
    if any(held.room is not None for _, held in told):
        yield f"  {NOT_COUNTED}"


def first_that_fits(rows: Sequence[Cell]) -> Cell | None:
    """The serving cell with room for a request and fewest devices, then stages.

    None if none has.
    """
    serving = [
        cell
        for cell in rows
        if cell.outcome.verdict is Verdict.SERVES
        and cell.capacity is not None
        and cell.capacity.requests is not None
    ]
    return min(
        serving,
        key=lambda cell: (
            cell.tensor_parallel_size * cell.pipeline_parallel_size,
            cell.pipeline_parallel_size,
        ),
        default=None,
    )


def _bytes_or_none(size: int | None) -> str:
    return "?" if size is None else bytes_in_words(size)

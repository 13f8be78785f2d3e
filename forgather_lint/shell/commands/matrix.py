"""`matrix`: at which sizes, on which releases, a model serves."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from forgather_lint.core.settings import Device
from forgather_lint.core.source import Place
from forgather_lint.engines.api import Cell
from forgather_lint.engines.matrix import PIPELINE_SIZES, TENSOR_SIZES, matrix
from forgather_lint.engines.registry import DEFAULT
from forgather_lint.execution.memory import DTYPE_BYTES
from forgather_lint.execution.outcome import Verdict
from forgather_lint.facts.sizes import named_pairs
from forgather_lint.linting.registry import code_of
from forgather_lint.shell import configuration, options
from forgather_lint.shell.contained import in_a_worker
from forgather_lint.shell.models_at_path import Opened, open_one
from forgather_lint.shell.say import say, say_as_it_is


@click.command()
@options.one_model
@click.option("--target", multiple=True, metavar="RELEASE", help="vllm==0.32; may be repeated.")
@click.option("-tp", "--tensor-parallel-size", metavar="SIZES", help="Only these: '2', '1,2,4'.")
@click.option("-pp", "--pipeline-parallel-size", metavar="SIZES", help="Only these: '1', '1,2'.")
@click.option(
    "--dtype",
    type=click.Choice(["auto", *DTYPE_BYTES]),
    default="bfloat16",
    help="Of the parameters, for bytes per rank.",
)
@options.model_impl
@options.memory
@click.option(
    "--max-model-len", metavar="TOKENS", help="Of a request (default: as the config has)."
)
@click.option("--kv-cache-dtype", default="auto", metavar="TYPE", help="As the engine's.")
@click.option("--max-num-batched-tokens", metavar="TOKENS", help="As the engine's.")
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text")
@in_a_worker
def command(
    path: Path,
    template: str | None,
    target: tuple[str, ...],
    tensor_parallel_size: str | None,
    pipeline_parallel_size: str | None,
    dtype: str,
    model_impl: str | None,
    gpu_memory: str | None,
    gpu_memory_utilization: str | None,
    max_model_len: str | None,
    kv_cache_dtype: str,
    max_num_batched_tokens: str | None,
    output_format: str,
) -> None:
    """Print whether the model at PATH serves, for each size and release.

    With --gpu-memory also what the fullest rank holds of it and what fits: the parameters, what a
    token takes in the cache, and how many tokens and requests there is room for. Activations and
    CUDA graphs are not counted, so that less fits than is printed.
    """
    with options.misuse_told():
        device = Device(
            size=_option("gpu_memory", gpu_memory),
            utilization=_option("gpu_memory_utilization", gpu_memory_utilization),
            max_model_len=_option("max_model_len", max_model_len),
            cache_dtype=kv_cache_dtype,
            batched_tokens=_option("max_model_len", max_num_batched_tokens),
        )
        opened = open_one(path, template)
        targets = options.chosen(target)
        cells = list(
            matrix(
                opened.model,
                targets,
                _sizes("tensor_parallel_size", tensor_parallel_size, TENSOR_SIZES),
                _sizes("pipeline_parallel_size", pipeline_parallel_size, PIPELINE_SIZES),
                dtype,
                configuration.option("model_impl", model_impl or "auto"),
                device if device.is_told else None,
            )
        )
    if output_format == "json":
        say_as_it_is(json.dumps(_as_json(cells, opened.shown), indent=2))
        return
    _print(cells, opened)


def _option(name: str, text: str | None) -> Any:
    return None if text is None else configuration.option(name, text)


def _sizes(name: str, text: str | None, default: tuple[int, ...]) -> tuple[int, ...]:
    sizes: tuple[int, ...] = default if text is None else configuration.option(name, text)
    return sizes


_COLOURS = {
    Verdict.SERVES: "green",
    Verdict.FAILS: "red",
    Verdict.WRONG: "magenta",
    Verdict.UNKNOWN: "yellow",
    Verdict.OWN_MODEL: "cyan",
}


def _print(cells: list[Cell], opened: Opened) -> None:
    """A table a target; reasons below it, each once."""
    for target in dict.fromkeys(cell.target for cell in cells):
        rows = [cell for cell in cells if cell.target == target]
        say(target.marked if target.project == DEFAULT else target.said)
        stages = list(dict.fromkeys(cell.pipeline_parallel_size for cell in rows))
        say_as_it_is("  " + "".join(f"{f'stages {n}':>24}" for n in stages))
        for ranks in dict.fromkeys(cell.tensor_parallel_size for cell in rows):
            line = [cell for cell in rows if cell.tensor_parallel_size == ranks]
            say_as_it_is(f"  ranks {ranks:<3}" + "".join(map(_cell, line)))
        for text in dict.fromkeys(_reason(cell, opened) for cell in rows):
            if text:
                say(f"  {text}")
        _print_memory(rows)


_COLUMNS = {
    "ranks": 7,
    "stages": 8,
    "parameters": 12,
    "left at most": 14,
    "a token": 11,
    "tokens": 16,
    "requests": 22,
}


def _print_memory(rows: Sequence[Cell]) -> None:
    """What the fullest rank holds at each size, and the first size at which requests fit."""
    told = [(cell, cell.capacity) for cell in rows if cell.capacity is not None]
    if not told:
        return
    say_as_it_is("  " + "".join(f"{name:>{width}}" for name, width in _COLUMNS.items()))
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
        say_as_it_is("  " + "".join(f"{word:>{width}}" for word, width in line))
    for unknown in dict.fromkeys(held.unknown for _, held in told if held.unknown):
        say(f"  not known: {unknown}")
    fitting = first_that_fits(rows)
    if fitting is not None:
        ranks, stages = fitting.tensor_parallel_size, fitting.pipeline_parallel_size
        sizes = named_pairs([(ranks, stages)])
        say(f"  the fewest devices on which it serves and may fit: {sizes}")
    elif not any(held.unknown for _, held in told):
        say("  at none of these sizes a request fits")


def first_that_fits(rows: Sequence[Cell]) -> Cell | None:
    """The cell with the fewest devices that serves with room for a request; fewer stages first."""
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
    return "?" if size is None else _bytes(size)


def _cell(cell: Cell) -> str:
    size = "" if cell.bytes_per_rank is None else f" {_bytes(cell.bytes_per_rank)}"
    shown = code_of(cell.outcome) if cell.outcome.verdict is not Verdict.OWN_MODEL else ""
    code = f" {shown}" if shown else ""
    text = f"{cell.target.worded(cell.outcome.verdict.value)}{code}{size}"
    return " " * max(1, 22 - len(text)) + click.style(text, fg=_COLOURS[cell.outcome.verdict])


def _bytes(size: int) -> str:
    amount, units = float(size), ["B", "KiB", "MiB", "GiB", "TiB"]
    while amount >= 1024 and len(units) > 1:
        amount, units = amount / 1024, units[1:]
    return f"{amount:.3g} {units[0]}"


def _reason(cell: Cell, opened: Opened) -> str:
    outcome = cell.outcome
    if not outcome.reason:
        return ""
    place = f"{opened.shown(outcome.where)}: " if outcome.where else ""
    return f"{code_of(outcome) or outcome.verdict.value}: {place}{outcome.reason}"


def _as_json(cells: Sequence[Cell], shown: Callable[[Place], str]) -> list[dict[str, object]]:
    """The cells as JSON has them; `shown` writes a place."""
    return [
        {
            **each.target.as_data,
            "tensor_parallel_size": each.tensor_parallel_size,
            "pipeline_parallel_size": each.pipeline_parallel_size,
            "verdict": each.target.worded(each.outcome.verdict.value),
            "code": code_of(each.outcome) or None,
            "reason": each.outcome.reason or None,
            "location": shown(each.outcome.where) if each.outcome.where else None,
            "bytes_per_rank": each.bytes_per_rank,
            **_capacity_as_json(each),
        }
        for each in cells
    ]


def _capacity_as_json(cell: Cell) -> dict[str, object]:
    held = cell.capacity
    if held is None:
        return {}
    return {
        "memory": {
            "cache_bytes_at_most": held.room,
            "cache_bytes_per_token": held.token_bytes,
            "tokens": held.tokens,
            "requests": held.requests,
            "max_model_len": held.max_model_len,
            "unknown": held.unknown or None,
        }
    }

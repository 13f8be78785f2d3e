"""`matrix`: at which sizes, on which releases, a model serves."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from forgather_lint.core.source import Place
from forgather_lint.engines.api import Cell
from forgather_lint.engines.matrix import PIPELINE_SIZES, TENSOR_SIZES, matrix
from forgather_lint.engines.registry import DEFAULT
from forgather_lint.execution.memory import DTYPE_BYTES
from forgather_lint.execution.outcome import Verdict
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
    output_format: str,
) -> None:
    """Print whether the model at PATH serves, for each size and release."""
    with options.misuse_told():
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
            )
        )
    if output_format == "json":
        say_as_it_is(json.dumps(_as_json(cells, opened.shown), indent=2))
        return
    _print(cells, opened)


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
        }
        for each in cells
    ]

"""`matrix`: at which sizes, on which releases, a model serves."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from forgather_lint.core.settings import Device
from forgather_lint.core.source import Place
from forgather_lint.engines.api import Cell, Target
from forgather_lint.engines.matrix import PIPELINE_SIZES, TENSOR_SIZES, matrix
from forgather_lint.linting.registry import code_of
from forgather_lint.shell import configuration, options
from forgather_lint.shell.contained import in_a_worker
from forgather_lint.shell.memory_table import memory_tables
from forgather_lint.shell.models_at_path import open_one
from forgather_lint.shell.say import say_as_it_is
from forgather_lint.shell.size_table import tables


@click.command()
@options.one_model
@click.option(
    "--target", multiple=True, metavar="RELEASE", help="What serves: 'vllm>=0.30'. May be repeated."
)
@click.option("-tp", "--tensor-parallel-size", metavar="SIZES", help="Only these: '2', '1,2,4'.")
@click.option("-pp", "--pipeline-parallel-size", metavar="SIZES", help="Only these: '1', '1,2'.")
@click.option(
    "--dtype",
    type=click.Choice(configuration.DTYPES),
    default="auto",
    help="Of the parameters, as the engine's --dtype.",
)
@options.model_impl
@options.memory
@click.option(
    "--max-model-len",
    metavar="TOKENS",
    help="Of the longest request (default: what the config allows).",
)
@click.option(
    "--kv-cache-dtype", default="auto", metavar="TYPE", help="As the engine's --kv-cache-dtype."
)
@click.option(
    "--max-num-batched-tokens", metavar="TOKENS", help="As the engine's --max-num-batched-tokens."
)
@click.option("--output-format", type=click.Choice(["text", "json", "html"]), default="text")
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
        targets = options.targets_given(target)
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
    titles = {each.release: _title(each) for each in targets}
    if output_format == "html":
        from forgather_lint.shell.pages import page, sizes  # few runs write a page

        say_as_it_is(sizes.render(page.name_at(path), cells, titles, opened.shown))
        return
    for line in (*tables(cells, titles, opened.shown), *memory_tables(cells, titles)):
        say_as_it_is(line)


def _option(name: str, text: str | None) -> Any:
    return None if text is None else configuration.option(name, text)


def _sizes(name: str, text: str | None, default: tuple[int, ...]) -> tuple[int, ...]:
    sizes: tuple[int, ...] = default if text is None else configuration.option(name, text)
    return sizes


def _title(target: Target) -> str:
    """Both releases, and what the verdicts rest on where the engine was never run."""
    return f"{target.release.said} with transformers {target.transformers.version}"


def _as_json(cells: Sequence[Cell], shown: Callable[[Place], str]) -> list[dict[str, object]]:
    """The cells for JSON output; `shown` formats a place."""
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

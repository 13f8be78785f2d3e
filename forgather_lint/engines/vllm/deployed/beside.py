"""A checkpoint compared with what a release builds, for people to read."""

from __future__ import annotations

from collections.abc import Mapping

from forgather_lint.core.recursion import deep_recursion
from forgather_lint.core.settings import ModelImpl
from forgather_lint.deployment.checkpoint.files import Checkpoint, Tensor
from forgather_lint.deployment.checkpoint.headers import BITS
from forgather_lint.documents.model_input import ModelInput
from forgather_lint.engines.api import BuiltTensor, StoredBeside
from forgather_lint.engines.matrix import TENSOR_SIZES
from forgather_lint.engines.vllm.checks.checked_model import CheckedModel, checked_model
from forgather_lint.engines.vllm.checks.naming import NamesUnknown
from forgather_lint.engines.vllm.checks.stored import checkpoint_of
from forgather_lint.engines.vllm.deployed.compared import TensorsCompared, compared, is_tied
from forgather_lint.engines.vllm.deployed.places import BASE, TensorSlot
from forgather_lint.engines.vllm.server import server_of
from forgather_lint.engines.vllm.subject import prepare
from forgather_lint.engines.vllm.target import VllmTarget
from forgather_lint.python.interpreter.budget import BudgetExceeded


def stored_beside(model: ModelInput, target: VllmTarget, dtype: str) -> StoredBeside:
    """The checkpoint of `model`, compared with what `target` builds."""
    checkpoint = checkpoint_of(model)
    if checkpoint is None or not (checkpoint.files or checkpoint.pickled or checkpoint.missing):
        return StoredBeside(note="no weights lie beside the model")
    if checkpoint.missing or not (checkpoint.whole or checkpoint.pickled):
        return StoredBeside(note="not all files of the weights are there and can be read")
    if checkpoint.pickled:
        return StoredBeside(note="pickled weights are not read")
    prepared = prepare(model, target, dtype)
    if prepared.judge is None:
        assert prepared.ended is not None
        return StoredBeside(note=f"the model could not be built: {prepared.ended.message}")
    impl = ModelImpl.TRANSFORMERS
    server = server_of(model.config.values if model.config else {}, target, impl)
    try:
        with deep_recursion():
            seen = checked_model(model, prepared, server, impl, None, names_stored=checkpoint.whole)
            if seen is None:
                return StoredBeside(note="the model could not be built")
            return _beside(seen, checkpoint, compared(seen, checkpoint))
    except BudgetExceeded as error:
        return StoredBeside(note=error.reason)
    except NamesUnknown as error:
        return StoredBeside(note=str(error))


def _beside(seen: CheckedModel, checkpoint: Checkpoint, found: TensorsCompared) -> StoredBeside:
    slots = found.slots
    stored = {slots.aliases.get(name, name): each for name, each in found.found.items()}
    places = [*slots.parameters.values(), *slots.buffers.values()]
    dropped = ((each, each.name) for each in found.dropped)
    strangers = [each for each, _ in (*found.strangers, *dropped)]
    return StoredBeside(
        tuple(_built(slot, stored.get(slot.name)) for slot in places),
        tuple((each.name, each.stored.dtype, each.stored.shape) for each in strangers),
        sum(each.stored.bytes for each in checkpoint.tensors),
        _on_ranks(seen, checkpoint, found, stored),
        found.undecided,
    )


def _built(slot: TensorSlot, tensor: Tensor | None) -> BuiltTensor:
    if tensor is None:
        return BuiltTensor(slot.name, slot.shape)
    kept = tensor.stored
    return BuiltTensor(slot.name, slot.shape, tensor.name, kept.dtype, kept.shape)


def _on_ranks(
    seen: CheckedModel,
    checkpoint: Checkpoint,
    found: TensorsCompared,
    stored: Mapping[str, Tensor],
) -> dict[int, int]:
    """The stored bytes on a rank, by number of ranks; empty unless every parameter has a tensor."""
    judge = seen.judge
    if judge is None or found.missing or found.strangers:
        return {}
    widths = {
        name.removeprefix(f"{BASE}."): BITS[each.stored.dtype] // 8
        for name, each in stored.items()
        if BITS[each.stored.dtype] % 8 == 0
    }
    tied = is_tied(seen, checkpoint)
    held = {ranks: judge.stored_on(ranks, widths, tied=tied) for ranks in TENSOR_SIZES}
    return {ranks: each.fullest(1) for ranks, each in held.items() if each is not None}

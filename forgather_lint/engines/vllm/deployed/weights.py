"""The problems of a release with the checkpoint of a model, in the order in which it loads it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from forgather_lint.core.record import record
from forgather_lint.core.source import Place, file_start
from forgather_lint.deployment.checkpoint.files import (
    CONSOLIDATED,
    Checkpoint,
    Tensor,
    WeightFile,
)
from forgather_lint.deployment.checkpoint.headers import BrokenHeader, Unread
from forgather_lint.engines.fact import Effect, Fact, Reaction
from forgather_lint.engines.vllm.checks.checked_model import CheckedModel, problem, releases_of
from forgather_lint.engines.vllm.checks.naming import NamesUnknown
from forgather_lint.engines.vllm.checks.weights import has_plain_head
from forgather_lint.engines.vllm.deployed.compared import TensorMisfit, TensorsCompared, compared
from forgather_lint.engines.vllm.deployed.places import Kind, TensorSlot
from forgather_lint.engines.vllm.deployed.telling import layers_of, listed, looks_like
from forgather_lint.engines.vllm.judge import VllmJudge
from forgather_lint.engines.vllm.target import VllmTarget
from forgather_lint.execution.outcome import Verdict
from forgather_lint.facts.cause import Cause
from forgather_lint.facts.causes.checkpoint import (
    BiasDropped,
    FileBroken,
    FileNotDownloaded,
    FileNotLoaded,
    FilesMissing,
    IndexUnusable,
    ParameterMissing,
    TensorSize,
    TensorStranger,
    TensorTwice,
    WeightsPickled,
    WholeNumbers,
)
from forgather_lint.facts.serving import ServingProblem

_CLASS = "TransformersForCausalLM"


@record
class UndecidedCheckpoint:
    """Why it is not known what becomes of a checkpoint, and the place."""

    reason: str
    where: Place


Told = ServingProblem | UndecidedCheckpoint


def of_files(checkpoint: Checkpoint, target: VllmTarget) -> Iterator[Told]:
    """The problems with the files, whatever model they are for."""
    facts, index = target.vllm.checkpoint, checkpoint.index
    if checkpoint.pickled:
        yield from _pickled(checkpoint, target)
        return
    if index is not None and (index.error or index.unread):
        where = file_start(index.path)
        if index.unread:
            yield UndecidedCheckpoint(f"the index is not read: {index.unread}", where)
        else:
            yield _told(IndexUnusable(), "fails", where, target, index.error)
            return
    if checkpoint.missing and facts.shard_missing.value.effect is not Effect.NONE:
        yield from _shards_missing(checkpoint, target)
    if not checkpoint.files:
        where = file_start(index.path if index else checkpoint.folder)
        parts = {"folder": checkpoint.folder}
        if not checkpoint.missing or facts.shard_missing.value.effect is not Effect.ERROR:
            fact = facts.nothing_found
            yield from problem(target, FilesMissing(), fact, where, parts=parts)
        return
    for file in checkpoint.files:
        if isinstance(file.found, BrokenHeader):
            where = file_start(file.path)
            cause = FileBroken(file.name, file.found.why)
            yield _told(cause, "fails", where, target, file.found.said)
        elif isinstance(file.found, Unread):
            yield UndecidedCheckpoint(
                f"{file.name} is not read: {file.found.why}", file_start(file.path)
            )
    yield from _not_loaded(checkpoint, target)
    yield from _twice(checkpoint, target)
    if facts.consolidated_first.value and _has_consolidated(checkpoint):
        where = file_start(checkpoint.files[0].path)
        yield UndecidedCheckpoint("files in Mistral's own format are loaded", where)


def _pickled(checkpoint: Checkpoint, target: VllmTarget) -> Iterator[Told]:
    name = checkpoint.pickled[0]
    where = file_start(f"{checkpoint.folder}/{name}")
    for each in checkpoint.pointers:
        fact = target.vllm.checkpoint.pickle_refused
        there = file_start(f"{checkpoint.folder}/{each}")
        yield from problem(target, FileNotDownloaded(each), fact, there)
        return
    yield _told(WeightsPickled(name, len(checkpoint.pickled)), "", where, target)
    yield UndecidedCheckpoint("a pickled checkpoint is not read", where)


def _has_consolidated(checkpoint: Checkpoint) -> bool:
    files = (*checkpoint.files, *checkpoint.left_out)
    return any(file.name.startswith(CONSOLIDATED) for file in files)


def _shards_missing(checkpoint: Checkpoint, target: VllmTarget) -> Iterator[ServingProblem]:
    """Files that the index names and that are absent; that their tensors are missing is implied."""
    fact, index = target.vllm.checkpoint.shard_missing, checkpoint.index
    assert index is not None
    first = checkpoint.missing[0]
    where = index.place_of_file(first)
    full = {f"{checkpoint.folder}/{name}" for name in checkpoint.missing}
    cause = FilesMissing(first, len(checkpoint.missing), len({*index.files.values()}))
    fails = fact.value.effect is Effect.ERROR
    error = fact.value.shown(files=listed(sorted(full))) if fails else ""
    told = _told(cause, "fails" if fails else "", where, target, error)
    yield _with_releases(told, fact)


def _not_loaded(checkpoint: Checkpoint, target: VllmTarget) -> Iterator[ServingProblem]:
    """A file beside those that the index names."""
    for file in checkpoint.left_out[:1]:
        cause = FileNotLoaded(file.name, len(checkpoint.left_out))
        yield _told(cause, "", file_start(file.path), target)


def _twice(checkpoint: Checkpoint, target: VllmTarget) -> Iterator[ServingProblem]:
    """A tensor in two of the files: the last one is used."""
    first: dict[str, WeightFile] = {}
    again: dict[str, WeightFile] = {}
    for file in checkpoint.files:
        for name in file.tensors:
            if first.setdefault(name, file) is not file:
                again[name] = file
    for name, file in sorted(again.items())[:1]:
        cause = TensorTwice(name, len(again), first[name].name, file.name)
        yield _told(cause, "", file_start(file.path), target)


def of_tensors(seen: CheckedModel, checkpoint: Checkpoint, *, quantised: bool) -> Iterator[Told]:
    """The problems with the tensors, for this model."""
    where = seen.cls.where
    if seen.judge is None or not checkpoint.files or not checkpoint.whole:
        return
    followed = seen.judge.quantized is not None and seen.judge.quantized.compared
    if followed and _ends_while_built(seen.judge):
        return
    open_ended = quantised and not followed
    if open_ended or seen.text_config is not seen.config or not has_plain_head(seen):
        yield UndecidedCheckpoint("the tensors of such a checkpoint are not compared", where)
        return
    try:
        found = compared(seen, checkpoint)
    except NamesUnknown as error:
        yield UndecidedCheckpoint(str(error), where)
        return
    yield from _strangers(seen, checkpoint, found)
    yield from _misfits(seen, found)
    if not found.strangers and not _ends_at_shards(seen.target, checkpoint):
        # What went under another name, or lies in a file that is not there, is missing by itself.
        yield from _missing(seen, found)
    yield from _integers(seen, checkpoint, found)
    yield from _dropped(seen, checkpoint, found)
    if found.undecided:
        yield UndecidedCheckpoint(found.undecided, where)


def _ends_while_built(judge: VllmJudge) -> bool:
    """Whether quantized layers are refused before any tensor is loaded."""
    from forgather_lint.engines.vllm.quantized.layers import Quantized
    from forgather_lint.engines.vllm.quantized.verdict import judged

    found = judge.quantized
    outcome = judged(judge, found, 1) if isinstance(found, Quantized) else None
    return outcome is not None and outcome.verdict is Verdict.FAILS


def _ends_at_shards(target: VllmTarget, checkpoint: Checkpoint) -> bool:
    effect = target.vllm.checkpoint.shard_missing.value.effect
    return bool(checkpoint.missing) and effect is Effect.ERROR


def _place(checkpoint: Checkpoint, tensor: Tensor) -> Place:
    """The place of a tensor: a line of the index, or the file that contains it."""
    index = checkpoint.index
    if index is not None and tensor.name in index.files:
        return index.place(tensor.name)
    return file_start(tensor.file.path)


def _strangers(
    seen: CheckedModel, checkpoint: Checkpoint, found: TensorsCompared
) -> Iterator[ServingProblem]:
    """Tensors for which there is no slot: the first one ends the loading."""
    if not found.strangers:
        return
    tensor, name = found.strangers[0]
    fact, error = _error_of_stranger(seen, found, name)
    names = [each.name for each, _ in found.strangers]
    looks = looks_like(names, found.slots)
    yield ServingProblem(
        cause=TensorStranger(tensor.name, len(names), layers_of(names), looks),
        verdict="fails",
        where=_place(checkpoint, tensor),
        target=str(seen.target),
        error=error,
        releases=releases_of(fact),
        module=name.rpartition(".")[0],
    )


def _error_of_stranger(
    seen: CheckedModel, found: TensorsCompared, name: str
) -> tuple[Fact[Reaction], str]:
    facts = seen.target.vllm.checkpoint
    owner = next((each for each in found.slots.fused if name.startswith(f"{each}.")), None)
    if owner is not None:
        first, _, deeper = name.removeprefix(f"{owner}.").partition(".")
        fused = facts.module_in_fused if deeper else facts.unknown_in_fused
        if fused.value.effect is Effect.ERROR:
            return fused, fused.value.shown(layer=found.slots.fused[owner], name=first)
    fact = seen.target.vllm.weights.unknown_name
    text = fact.value.say(name=found.slots.first_unknown(name), **{"class": _CLASS})
    return fact, f"{fact.value.raises}: {text.partition('. The available')[0]}"


def _misfits(seen: CheckedModel, found: TensorsCompared) -> Iterator[ServingProblem]:
    """Tensors of the wrong size: the first that is refused, and the first that is cut."""
    told: set[str] = set()
    for misfit in found.misfits:
        fact, verdict, error = _of_size(seen, misfit)
        if verdict in told:
            continue
        told.add(verdict)
        tensor, built = misfit.tensor, misfit.slot.shape or ()
        yield ServingProblem(
            cause=TensorSize(tensor.name, tensor.stored.shape, built, tensor.file.name),
            verdict=verdict,
            where=misfit.slot.where,
            target=str(seen.target),
            error=error,
            releases=releases_of(fact),
            module=misfit.slot.name.rpartition(".")[0],
        )


def _of_size(seen: CheckedModel, misfit: TensorMisfit) -> tuple[Fact[Reaction], str, str]:
    """How the release reacts to a tensor of the wrong size: the fact, the verdict, the error."""
    facts, slot = seen.target.vllm.checkpoint, misfit.slot
    stored, built = misfit.tensor.stored.shape, slot.shape
    assert built is not None
    fact = facts.size_of_split
    parts: dict[str, object] = {
        "stored": f"torch.Size({list(stored)})",
        "built": f"torch.Size({list(built)})",
    }
    if misfit.quantized:
        parts = {}
    elif slot.kind is Kind.PLAIN:
        fact = facts.size_of_plain
    elif slot.kind is Kind.WHOLE_LAYER:
        fact = facts.size_of_replicated
    elif slot.kind is Kind.SPLIT_LAYER and slot.split is not None and len(stored) == len(built):
        here, there = stored[slot.split], built[slot.split]
        others = zip(stored, built, range(len(stored)), strict=True)
        alike = all(one == other for one, other, dim in others if dim != slot.split)
        if there is not None and here > there and alike:
            return facts.split_too_long, "wrong", ""
        if there is not None and here < there:
            fact, parts = facts.split_too_short, {"start": 0, "length": there, "size": here}
    elif slot.kind is Kind.TABLE and len(stored) == 2 and stored[0] == built[0]:
        if stored[1] == 1:
            return facts.width_of_table, "wrong", ""  # one number for a whole row
        fact, parts = facts.width_of_table, {"built": built[1], "stored": stored[1]}
    return fact, "fails", fact.value.shown(**parts)


def _missing(seen: CheckedModel, found: TensorsCompared) -> Iterator[ServingProblem]:
    """Parameters without a tensor: of layers that may lack theirs, and of others."""
    layer = seen.target.vllm.weights.layer_not_in_checkpoint
    refused = [each for each in found.missing if not each.kind.may_be_missing]
    silent = [each for each in found.missing if each.kind.may_be_missing]
    if layer.value.effect is Effect.ERROR:
        refused, silent = list(found.missing), []
    if refused:
        fact = seen.target.vllm.checkpoint.parameter_missing
        error = fact.value.shown(names=listed([each.name for each in refused]))
        yield _of_missing(seen, refused, fact, "fails", error)
    if silent:
        yield _of_missing(seen, silent, layer, "wrong", "")


def _of_missing(
    seen: CheckedModel, slots: Sequence[TensorSlot], fact: Fact[Reaction], verdict: str, error: str
) -> ServingProblem:
    names = [each.name for each in slots]
    return ServingProblem(
        cause=ParameterMissing(names[0], len(names), layers_of(names)),
        verdict=verdict,
        where=slots[0].where,
        target=str(seen.target),
        error=error,
        releases=releases_of(fact),
        module=slots[0].name.rpartition(".")[0],
    )


def _integers(
    seen: CheckedModel, checkpoint: Checkpoint, found: TensorsCompared
) -> Iterator[ServingProblem]:
    """Integers for a parameter: they are copied as they are, without their scales."""
    for tensor in found.integers[:1]:
        cause = WholeNumbers(tensor.name, len(found.integers), tensor.stored.dtype)
        yield _told(cause, "wrong", _place(checkpoint, tensor), seen.target)


def _dropped(
    seen: CheckedModel, checkpoint: Checkpoint, found: TensorsCompared
) -> Iterator[ServingProblem]:
    """A bias for a layer built without one; transformers skips it too, with a warning."""
    for tensor in found.dropped[:1]:
        cause = BiasDropped(tensor.name, len(found.dropped))
        told = _told(cause, "", _place(checkpoint, tensor), seen.target)
        yield _with_releases(told, seen.target.vllm.checkpoint.bias_without_parameter)


def _told(
    cause: Cause, verdict: str, where: Place, target: VllmTarget, error: str = ""
) -> ServingProblem:
    return ServingProblem(
        cause=cause,
        verdict=verdict,
        where=where,
        target=str(target),
        error=error,
        releases=releases_of(target.vllm.checkpoint.nothing_found),
    )


def _with_releases(told: ServingProblem, fact: Fact[Reaction]) -> ServingProblem:
    return replace(told, releases=releases_of(fact))

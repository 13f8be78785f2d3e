"""The names in a checkpoint, and where the engine looks for them in the model that it builds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from forgather_lint.core.source import Place
from forgather_lint.engines.common.unknown_names import first_unknown_beginning
from forgather_lint.engines.vllm.checks.checked_model import HEAD, CheckedModel, releases_of
from forgather_lint.engines.vllm.checks.naming import (
    IGNORED,
    NamesUnknown,
    children_of,
    is_ignored,
    mapped_name,
    names_held,
    names_ignored,
)
from forgather_lint.engines.vllm.checks.phases import Phase, check
from forgather_lint.execution.outcome import Outcome, undecided
from forgather_lint.facts.causes.modules import BufferNotLoaded, HeadOfOtherWidth, WeightNotPlaced
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.model.entry import first_architecture
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import External, Known, TensorValue

HEADED = ("ForCausalLM", "LMHeadModel")


@check(Phase.WEIGHTS)
def names(seen: CheckedModel) -> Iterator[ServingProblem]:
    """A parameter of the whole model whose name in the checkpoint the engine cannot place.

    Without weights in the folder, the names are those that `save_pretrained` would write.
    """
    with suppress(NamesUnknown):  # `names_unproved` says so
        yield from _unplaced(seen)


def names_unproved(seen: CheckedModel) -> Outcome | None:
    """Why it is open whether the engine skips a parameter that it cannot place; None if it is not.

    The class says which names are to be ignored.
    """
    try:
        next(_unplaced(seen), None)
    except NamesUnknown as why:
        return undecided(f"whether a weight is ignored: {why}", seen.place_of_member(IGNORED))
    return None


def _unplaced(seen: CheckedModel) -> Iterator[ServingProblem]:
    """The first parameter that is neither placed nor ignored. Raises `NamesUnknown`."""
    whole = seen.whole
    if whole is None or seen.root is None or seen.names_stored:
        return
    prefix = seen.builder.base_prefix(seen.root)
    children = children_of(seen)
    generates = has_plain_head(seen)
    if prefix == "model" and "model" not in children and not generates:
        return
    if whole.structure.open_at or seen.text_config is not seen.config:
        return
    known = {f"model.{each}" for each in names_held(seen)} | set(_of_head(seen))
    saved = sorted(each.name for each in whole.structure.parameters if not each.same_as)
    for name in saved:
        mapped = mapped_name(seen, name, prefix, children)
        placed = mapped in known or (not generates and mapped.partition(".")[0] == HEAD)
        if not placed and not is_ignored(names_ignored(seen), name):
            of_head = name.partition(".")[0] not in (prefix, *children)
            head = whole.root.places.get(name.partition(".")[0]) if of_head else None
            yield _problem(seen, name, first_unknown_beginning(mapped, known), prefix, head)
            return


@check(Phase.WEIGHTS)
def head_width(seen: CheckedModel) -> Iterator[ServingProblem]:
    """A head with another width than the config says: the engine's does not take its weights.

    A tied head has none of its own in the checkpoint.
    """
    whole, wanted = seen.whole, seen.number("vocab_size")
    if whole is None or wanted is None or seen.names_stored or seen.settings.tied:
        return
    if not has_plain_head(seen) or seen.text_config is not seen.config:
        return
    for each in whole.structure.parameters:
        width = each.shape[0] if each.shape and len(each.shape) == 2 else None
        if each.name == f"{HEAD}.weight" and each.certain and isinstance(width, int):
            if width != wanted:
                fact = seen.target.vllm.checkpoint.size_of_split
                yield from seen.problem(HeadOfOtherWidth(width, wanted), fact, each.where)
            return


@check(Phase.WEIGHTS)
def buffers(seen: CheckedModel) -> Iterator[ServingProblem]:
    """A persistent buffer, which is in the checkpoint but which the release does not load."""
    weights, whole = seen.target.vllm.weights, seen.whole
    if seen.names_stored or weights.buffers_loaded.value or whole is None or seen.root is None:
        return
    if not has_plain_head(seen) or whole.structure.open_at:
        return
    prefix = seen.builder.base_prefix(seen.root)
    for buffer in whole.structure.buffers:
        owner, _, attribute = buffer.name.rpartition(".")
        module = whole.tree.instances.get(owner)
        if module is None or not is_saved(module, attribute) or not buffer.certain:
            continue
        name = mapped_name(seen, buffer.name, prefix, children_of(seen))
        if is_batch_norm(module) or any(each in name for each in weights.buffers_skipped.value):
            continue
        fact = weights.unknown_name
        text = fact.value.say(name=name, **{"class": "TransformersForCausalLM"})
        yield ServingProblem(
            cause=BufferNotLoaded(attribute),
            verdict="fails",
            where=module.places.get(attribute, buffer.where),
            target=str(seen.target),
            error=f"{fact.value.raises}: {text.partition('. The available')[0]}",
            releases=releases_of(weights.buffers_loaded),
            module=buffer.name.rpartition(".")[0],
        )
        return


def is_saved(module: Instance, buffer: str) -> bool:
    """Whether the buffer is persistent, as `register_buffer` or `nn.Buffer` says."""
    value = module.attributes.get(buffer)
    tags = value.tags if isinstance(value, TensorValue) else frozenset()
    said = module.buffers.get(buffer)
    return "persistent" in tags if said is None else isinstance(said, Known) and bool(said.value)


def is_batch_norm(module: Instance) -> bool:
    """Whether `module` is a batch norm of torch, whose statistics every release loads."""
    return isinstance(module.cls, External) and "BatchNorm" in module.cls.name


def has_plain_head(seen: CheckedModel) -> bool:
    """Whether the release serves the model as TransformersForCausalLM, with its own `lm_head`.

    Encoder-decoders it does not; multimodal models have a name mapping of their own.
    """
    architecture = first_architecture(seen.builder.config_values) or ""
    both = seen.setting("is_encoder_decoder")
    return architecture.endswith(HEADED) and not (isinstance(both, Known) and both.value)


def _of_head(seen: CheckedModel) -> Iterator[str]:
    """The parameters of the head that the engine builds for a model that generates."""
    yield f"{HEAD}.weight"
    if seen.target.vllm.weights.head_bias_loaded.value:
        yield f"{HEAD}.bias"


def _problem(
    seen: CheckedModel, name: str, stranger: str, prefix: str, head: Place | None
) -> ServingProblem:
    """The problem; `head` is the place of the module with the weight, if not in the base model."""
    fact = seen.target.vllm.weights.unknown_name
    text = fact.value.say(name=stranger, **{"class": "TransformersForCausalLM"})
    where = head or seen.place_of_member("base_model_prefix")
    return ServingProblem(
        cause=WeightNotPlaced(name, "" if head else prefix),
        verdict="fails",
        where=where,
        target=str(seen.target),
        error=f"{fact.value.raises}: {text.partition('. The available')[0]}",
        releases=releases_of(seen.target.vllm.weights.base_prefix),
    )

"""LoRA adapters beside the model, as `--enable-lora` loads them. The model serves without them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from forgather_lint.core.files import listed
from forgather_lint.core.port import port_of
from forgather_lint.engines.vllm.checks.checked_model import HEAD, CheckedModel, releases_of
from forgather_lint.engines.vllm.checks.naming import NamesUnknown, naming_of
from forgather_lint.engines.vllm.checks.phases import Phase, check
from forgather_lint.engines.vllm.deployed.places import BASE
from forgather_lint.facts.cause import Cause
from forgather_lint.facts.causes.adapter import (
    AdapterLayerAbsent,
    AdapterRank,
    AdapterRefused,
    AdapterStrangers,
)
from forgather_lint.facts.release import Effect, Reaction
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.libraries.names import LINEAR

if TYPE_CHECKING:
    from forgather_lint.deployment.adapters import Adapter
    from forgather_lint.engines.fact import Fact

_CONFIGS = ("adapter_config.json", "*/adapter_config.json")
_PREFIX = "base_model.model."
_TABLES = (".embed_tokens.base_layer.weight", ".lm_head.base_layer.weight")
"""Embeddings that PEFT stores in the adapter; vLLM skips them."""
_TABLE = "embed_tokens"
"""The one embedding that adapters may change (transformers/base.py, `embedding_modules`)."""
_ENDS = (".lora_A", ".lora_B", ".lora_embedding_A", ".lora_embedding_B")


@check(Phase.WEIGHTS)
def beside(seen: CheckedModel) -> Iterator[ServingProblem]:
    """The problems with the adapters in the folder of the model."""
    folder = seen.model.folder
    if not folder or seen.judge is None or seen.judge.subject.tree.structure.open_at:
        return
    if not any(listed(Path(folder), each) for each in _CONFIGS):
        return
    from forgather_lint.deployment.adapters import adapters_at

    for adapter in adapters_at(Path(folder)):
        yield from _config(seen, adapter)
        yield from _rank(seen, adapter)
        yield from _tensors(seen, adapter)


@port_of("vllm/lora/peft_helper.py", "PEFTHelper.from_dict")
@port_of("vllm/lora/peft_helper.py", "PEFTHelper._validate_features")
def _config(seen: CheckedModel, adapter: Adapter) -> Iterator[ServingProblem]:
    """Keys that the release requires, and features of PEFT that it does not support."""
    facts, values = seen.target.vllm.adapters, adapter.config.values
    for key in facts.keys_needed.value:
        if key not in values:
            cause = AdapterRefused(f"`{key}` is not there")
            yield _problem(seen, adapter, cause, facts.key_missing, key, {"keys": {key}})
            return
    for key, said in facts.features_refused.value.items():
        value = values.get(key)
        if key == "modules_to_save" and isinstance(value, list):
            value = [each for each in value if each not in facts.saved_modules_taken.value]
        if value:
            cause = AdapterRefused(f"`{key}` is not supported")
            parts = {"said": said.replace("{value}", str(value))}
            yield _problem(seen, adapter, cause, facts.refused, key, parts)
    start = values.get("init_lora_weights", True)
    if isinstance(start, str) and start.lower() not in facts.starts_taken.value:
        fact = facts.start_refused
        if fact.value.effect is Effect.ERROR:
            cause = AdapterRefused(f"`init_lora_weights` {start} changes the weights of the model")
            yield _problem(seen, adapter, cause, fact, "init_lora_weights", {"value": start})
    if values.get("bias", "none") != "none":
        cause = AdapterRefused("`bias` is not supported")
        yield _problem(seen, adapter, cause, facts.bias_refused, "bias", {})


def _tensors(seen: CheckedModel, adapter: Adapter) -> Iterator[ServingProblem]:
    """Tensors that are absent, are not part of LoRA, or are for layers that do not exist."""
    facts = seen.target.vllm.adapters
    if not adapter.stored:
        cause = AdapterRefused("there are no tensors")
        parts = {"folder": adapter.folder}
        yield _problem(seen, adapter, cause, facts.tensors_missing, "peft_type", parts)
        return
    for tensor in adapter.tensors or ():
        if not tensor.endswith(_TABLES) and not _is_part(tensor):
            cause = AdapterRefused(f"the tensor `{tensor}` is no part of LoRA")
            parts = {"name": tensor}
            yield _problem(seen, adapter, cause, facts.name_refused, "peft_type", parts)
            return
    strangers = list(_strangers(seen, adapter))
    yield from strangers or _absent(seen, adapter)


def _is_part(tensor: str) -> bool:
    """Whether the release takes a tensor of this name for a part of LoRA, or of a classifier."""
    *_, owner, leaf = ("", "", *tensor.split("."))
    if owner in ("lora_A", "lora_B"):
        return leaf == "weight"
    heads = owner in ("score", "classifier") and leaf in ("weight", "bias")
    return heads or leaf in ("lora_embedding_A", "lora_embedding_B")


def _absent(seen: CheckedModel, adapter: Adapter) -> Iterator[ServingProblem]:
    """Layers whose last name is that of layers of the model, but not their whole name."""
    assert seen.judge is not None
    try:
        naming = naming_of(seen)
        names = dict.fromkeys(filter(None, map(_module, adapter.tensors or ())))
        placed = {name: naming.place(f"{name}.weight") for name in names}
    except NamesUnknown:
        return
    modules = {f"{BASE}.{each.name}" for each in seen.judge.subject.tree.structure.modules}
    experts = tuple(f"{BASE}.{block.name}." for block in seen.judge.subject.experts)
    absent = [
        name
        for name, place in placed.items()
        if place is not None and place.rpartition(".")[0] not in {HEAD, *modules}
        if not (experts and place.startswith(experts))
    ]
    if absent:
        cause = AdapterLayerAbsent(absent[0], len(absent))
        fact = seen.target.vllm.adapters.layer_absent
        yield _problem(seen, adapter, cause, fact, "target_modules", {})


@port_of("vllm/lora/lora_model.py", "check_unexpected_modules")
def _strangers(seen: CheckedModel, adapter: Adapter) -> Iterator[ServingProblem]:
    """Modules of the adapter whose last name no layer of the model has.

    Layers that the release has fused count by their names before that; modules named in
    `modules_to_save` are accepted.
    """
    expected = _layers(seen)
    kept = adapter.config.values.get("modules_to_save")
    saved = {each for each in kept if isinstance(each, str)} if isinstance(kept, list) else set()
    modules = dict.fromkeys(filter(None, map(_module, adapter.tensors or ())))
    strange = [each for each in modules if _is_strange(each, expected | saved)]
    if not strange:
        return
    fact = seen.target.vllm.checkpoint.adapter_strangers
    parts = {"folder": adapter.folder, "expected": "{...}", "modules": f"['{strange[0]}', ...]"}
    leaves = tuple(dict.fromkeys(each.rpartition(".")[2] for each in strange))
    cause = AdapterStrangers(leaves, tuple(sorted(expected)))
    yield _problem(seen, adapter, cause, fact, "target_modules", parts)


def _rank(seen: CheckedModel, adapter: Adapter) -> Iterator[ServingProblem]:
    """A rank above what is allowed without `--max-lora-rank`."""
    facts, values = seen.target.vllm.checkpoint, adapter.config.values
    most, patterns = facts.adapter_rank_default.value, values.get("rank_pattern")
    ranks = [values.get("r")]
    if seen.target.vllm.adapters.ranks_by_pattern.value and isinstance(patterns, dict):
        ranks += patterns.values()
    rank = max((each for each in ranks if type(each) is int), default=0)
    if rank > most:
        parts = {"rank": rank, "most": most}
        yield _problem(seen, adapter, AdapterRank(rank, most), facts.adapter_rank, "r", parts)


def _problem(
    seen: CheckedModel,
    adapter: Adapter,
    cause: Cause,
    fact: Fact[Reaction],
    key: str,
    parts: Mapping[str, object],
) -> ServingProblem:
    """A problem in the adapter's config, which does not decide the verdict on the model."""
    told = fact.value.say(**parts)
    there = key in adapter.config.values
    return ServingProblem(
        cause=cause,
        verdict="",
        where=adapter.config.place(key) if there else adapter.config.place(),
        target=str(seen.target),
        error=f"{fact.value.raises}: {told}" if fact.value.raises else "",
        releases=releases_of(fact),
    )


def _layers(seen: CheckedModel) -> set[str]:
    """The last names of all layers that an adapter may change; the head is none of them.

    Source: vllm/lora/utils.py, `get_supported_lora_modules`.
    """
    assert seen.judge is not None
    machine = seen.builder.machine
    instances = seen.judge.subject.tree.instances.items()
    linear = (name for name, module in instances if machine.is_instance_of(module, LINEAR))
    return {_TABLE, *(name.rpartition(".")[2] for name in linear)}


def _module(tensor: str) -> str | None:
    """The module that a tensor of an adapter belongs to; None for one that is not part of LoRA."""
    name = tensor.removeprefix(_PREFIX).removesuffix(".weight")
    end = next((each for each in _ENDS if name.endswith(each)), None)
    return None if end is None or "base_layer" in name else name.removesuffix(end)


def _is_strange(module: str, expected: set[str]) -> bool:
    return ".experts" not in module and module.rpartition(".")[2] not in expected

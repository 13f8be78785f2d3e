"""LoRA adapters beside the model, or those of a command. The model serves without them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from forgather_lint.core.files import listed, real_path
from forgather_lint.core.port import port_of
from forgather_lint.engines.vllm.adapter_faults import (
    AdapterFault,
    faults_of_config,
    faults_of_tensors,
)
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
from forgather_lint.facts.release import Reaction
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.facts.sizes import FAILS, WRONG
from forgather_lint.libraries.names import LINEAR

if TYPE_CHECKING:
    from forgather_lint.deployment.adapters import Adapter
    from forgather_lint.engines.fact import Fact

_CONFIGS = ("adapter_config.json", "*/adapter_config.json")
_PREFIX = "base_model.model."
_TABLE = "embed_tokens"
"""The one embedding that adapters may change (transformers/base.py, `embedding_modules`)."""
_ENDS = (".lora_A", ".lora_B", ".lora_embedding_A", ".lora_embedding_B")


@check(Phase.WEIGHTS)
def beside(seen: CheckedModel) -> Iterator[ServingProblem]:
    """The problems with the adapters in the folder of the model, and with those of a command."""
    folder = seen.model.folder
    if not folder or seen.judge is None or seen.judge.subject.tree.structure.open_at:
        return
    loaded = seen.model.adapters
    if not loaded and not any(listed(Path(folder), each) for each in _CONFIGS):
        return
    from forgather_lint.deployment.adapters import adapter_at, adapters_at

    below = list(adapters_at(Path(folder)))
    known = {real_path(adapter.folder) for adapter in below}
    named = [adapter_at(Path(each)) for each in loaded if real_path(each) not in known]
    for adapter in (*below, *filter(None, named)):
        yield from _config(seen, adapter)
        yield from _rank(seen, adapter)
        yield from _tensors(seen, adapter)


def _config(seen: CheckedModel, adapter: Adapter) -> Iterator[ServingProblem]:
    for fault in faults_of_config(seen.target.vllm.adapters, adapter.config.values):
        yield _of_fault(seen, adapter, fault)


def _tensors(seen: CheckedModel, adapter: Adapter) -> Iterator[ServingProblem]:
    """Tensors that are absent, are not part of LoRA, or are for layers that do not exist."""
    faults = list(faults_of_tensors(seen.target.vllm.adapters, adapter))
    if faults:
        yield from (_of_fault(seen, adapter, fault) for fault in faults)
        return
    strangers = list(_strangers(seen, adapter))
    yield from strangers or _absent(seen, adapter)


def _of_fault(seen: CheckedModel, adapter: Adapter, fault: AdapterFault) -> ServingProblem:
    cause = AdapterRefused(fault.what)
    return _problem(seen, adapter, cause, fault.fact, fault.key, fault.parts)


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
        verdict = WRONG if _is_loaded(seen, adapter) else ""
        yield _problem(seen, adapter, cause, fact, "target_modules", {}, verdict)


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
    verdict = FAILS if _is_loaded(seen, adapter) else ""
    yield _problem(seen, adapter, cause, fact, "target_modules", parts, verdict)


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
    verdict: str = "",
) -> ServingProblem:
    """A problem in the adapter's config. It decides the verdict only where a command loads it."""
    there = key in adapter.config.values
    return ServingProblem(
        cause=cause,
        verdict=verdict,
        where=adapter.config.place(key) if there else adapter.config.place(),
        target=str(seen.target),
        error=fact.value.shown(**parts) if fact.value.raises else "",
        releases=releases_of(fact),
    )


def _is_loaded(seen: CheckedModel, adapter: Adapter) -> bool:
    """Whether the command that is judged loads the adapter when it starts."""
    return str(real_path(Path(adapter.folder))) in seen.model.adapters


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

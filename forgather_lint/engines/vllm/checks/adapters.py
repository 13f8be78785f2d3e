"""LoRA adapters beside the model, as `--enable-lora` loads them. The model serves without them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from forgather_lint.core.port import port_of
from forgather_lint.engines.vllm.checks.checked_model import CheckedModel, releases_of
from forgather_lint.engines.vllm.checks.phases import Phase, check
from forgather_lint.engines.vllm.checks.weights import HEAD
from forgather_lint.facts.causes.adapter import AdapterRank, AdapterStrangers
from forgather_lint.facts.release import Reaction
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.libraries.names import EMBEDDING, LINEAR

if TYPE_CHECKING:
    from forgather_lint.deployment.adapters import Adapter
    from forgather_lint.engines.fact import Fact

_PREFIX = "base_model.model."
_ENDS = (".lora_A", ".lora_B", ".lora_embedding_A", ".lora_embedding_B")


@check(Phase.WEIGHTS)
def beside(seen: CheckedModel) -> Iterator[ServingProblem]:
    """What the release holds against the adapters in the folder of the model."""
    folder = seen.model.folder
    if not folder or seen.judge is None or seen.judge.subject.tree.structure.open_at:
        return
    if not any(Path(folder).glob("adapter_config.json")) and not any(
        Path(folder).glob("*/adapter_config.json")
    ):
        return
    from forgather_lint.deployment.adapters import adapters_at

    for adapter in adapters_at(Path(folder)):
        yield from _strangers(seen, adapter)
        yield from _rank(seen, adapter)


@port_of("vllm/lora/lora_model.py", "check_unexpected_modules")
def _strangers(seen: CheckedModel, adapter: Adapter) -> Iterator[ServingProblem]:
    """Modules of the adapter that no layer of the model is called like.

    The last part of each name counts, of what was fused that of the layers before; what
    `modules_to_save` names is taken.
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
    cause = AdapterStrangers(leaves, tuple(sorted(expected - {HEAD})))
    yield _problem(seen, adapter, cause, fact, "target_modules", parts)


def _rank(seen: CheckedModel, adapter: Adapter) -> Iterator[ServingProblem]:
    """A rank above what is allowed without `--max-lora-rank`."""
    rank, facts = adapter.config.values.get("r"), seen.target.vllm.checkpoint
    most = facts.adapter_rank_default.value
    if type(rank) is int and rank > most:
        parts = {"rank": rank, "most": most}
        yield _problem(seen, adapter, AdapterRank(rank, most), facts.adapter_rank, "r", parts)


def _problem(
    seen: CheckedModel,
    adapter: Adapter,
    cause: AdapterStrangers | AdapterRank,
    fact: Fact[Reaction],
    key: str,
    parts: Mapping[str, object],
) -> ServingProblem:
    """It stands in the adapter's config, and decides nothing of the model."""
    return ServingProblem(
        cause=cause,
        verdict="",
        where=adapter.config.place(key),
        target=str(seen.target),
        error=f"{fact.value.raises}: {fact.value.say(**parts)}",
        releases=releases_of(fact),
    )


def _layers(seen: CheckedModel) -> set[str]:
    """The last names of all layers that an adapter may be for."""
    assert seen.judge is not None
    machine = seen.builder.machine
    kinds = (LINEAR, EMBEDDING)
    instances = seen.judge.subject.tree.instances.items()
    found = {
        name.rpartition(".")[2]
        for name, module in instances
        if any(machine.is_instance_of(module, kind) for kind in kinds)
    }
    return found | {HEAD}


def _module(tensor: str) -> str | None:
    """The module that a tensor of an adapter is for; None for one that is no part of LoRA."""
    name = tensor.removeprefix(_PREFIX).removesuffix(".weight")
    end = next((each for each in _ENDS if name.endswith(each)), None)
    return None if end is None or "base_layer" in name else name.removesuffix(end)


def _is_strange(module: str, expected: set[str]) -> bool:
    return ".experts" not in module and module.rpartition(".")[2] not in expected

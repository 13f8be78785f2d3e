"""What a release refuses of a LoRA adapter, whatever model it is for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from forgather_lint.core.port import port_of
from forgather_lint.core.record import record
from forgather_lint.engines.fact import Fact, Reaction
from forgather_lint.facts.release import Effect

if TYPE_CHECKING:
    from forgather_lint.deployment.adapters import Adapter
    from forgather_lint.engines.vllm.profile import VllmAdapters

_TABLES = (".embed_tokens.base_layer.weight", ".lm_head.base_layer.weight")
"""Embeddings that PEFT stores in the adapter; vLLM skips them."""


@record
class AdapterFault:
    """What is wrong, the fact with the words of the release, their parts, and the key at fault."""

    what: str
    fact: Fact[Reaction]
    key: str
    parts: Mapping[str, object]


@port_of("vllm/lora/peft_helper.py", "PEFTHelper.from_dict")
@port_of("vllm/lora/peft_helper.py", "PEFTHelper._validate_features")
def faults_of_config(facts: VllmAdapters, values: Mapping[str, object]) -> Iterator[AdapterFault]:
    """Keys that the release requires, and features of PEFT that it does not support."""
    for key in facts.keys_needed.value:
        if key not in values:
            yield AdapterFault(f"`{key}` is not there", facts.key_missing, key, {"keys": {key}})
            return
    for key, said in facts.features_refused.value.items():
        value = values.get(key)
        if key == "modules_to_save" and isinstance(value, list):
            value = [each for each in value if each not in facts.saved_modules_taken.value]
        if value:
            parts = {"said": said.replace("{value}", str(value))}
            yield AdapterFault(f"`{key}` is not supported", facts.refused, key, parts)
    start, key = values.get("init_lora_weights", True), "init_lora_weights"
    refused = isinstance(start, str) and start.lower() not in facts.starts_taken.value
    if refused and facts.start_refused.value.effect is Effect.ERROR:
        what = f"`{key}` {start} changes the weights of the model"
        yield AdapterFault(what, facts.start_refused, key, {"value": start})
    if values.get("bias", "none") != "none":
        yield AdapterFault("`bias` is not supported", facts.bias_refused, "bias", {})


def faults_of_tensors(facts: VllmAdapters, adapter: Adapter) -> Iterator[AdapterFault]:
    """Tensors that are absent, or one that is no part of LoRA."""
    if not adapter.stored:
        parts = {"folder": adapter.folder}
        yield AdapterFault("there are no tensors", facts.tensors_missing, "peft_type", parts)
        return
    for tensor in adapter.tensors or ():
        if not tensor.endswith(_TABLES) and not _is_part(tensor):
            what = f"the tensor `{tensor}` is no part of LoRA"
            yield AdapterFault(what, facts.name_refused, "peft_type", {"name": tensor})
            return


def _is_part(tensor: str) -> bool:
    """Whether the release takes a tensor of this name for a part of LoRA, or of a classifier."""
    *_, owner, leaf = ("", "", *tensor.split("."))
    if owner in ("lora_A", "lora_B"):
        return leaf == "weight"
    heads = owner in ("score", "classifier") and leaf in ("weight", "bias")
    return heads or leaf in ("lora_embedding_A", "lora_embedding_B")

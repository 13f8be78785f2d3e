"""What vLLM reads from the config of a model: the sizes of its attention."""

from __future__ import annotations

from collections.abc import Mapping

from forgather_lint.core.port import port_of
from forgather_lint.core.record import record
from forgather_lint.engines.common.model_config import ModelConfig, integer
from forgather_lint.engines.vllm.fact_values import Fuser
from forgather_lint.engines.vllm.release import VllmEngine
from forgather_lint.execution.engine import Compressed, Heads
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import NONE, Known, known


@record
class VllmModelConfig(ModelConfig):
    """A config as vLLM reads it, with the sizes of its attention."""

    @property
    def latent(self) -> bool:
        """Whether keys and values are cached as one latent vector, as in DeepSeek's attention."""
        return self.setting("kv_lora_rank") is not None

    def heads(self, engine: VllmEngine) -> Heads | None:
        """The head counts that the engine reads; None when they are not all known."""
        query = self.number("num_attention_heads")
        if not query:
            return None
        kv = self._kv_heads(query, engine)
        size = self._head_size(query)
        if self.latent and engine.fuses(Fuser.LATENT):
            size = self._expanded_size or size
        varies = self.setting("is_heterogeneous") not in (None, known(False))
        kind = self.setting("model_type")
        own = isinstance(kind, Known) and kind.value in engine.profile.config.own_head_counts.value
        uniform = not (self.latent or varies or own)
        layers = self.number("num_hidden_layers")
        return Heads(query, kv, size, uniform=uniform, layers=layers) if size and kv else None

    @port_of("vllm/config/model.py", "ModelConfig.get_head_size")
    @port_of(
        "vllm/transformers_utils/model_arch_config_convertor.py",
        "ModelArchConfigConvertorBase.get_head_size",
    )
    def _head_size(self, query: int) -> int | None:
        """The first name with a size; None where that may be or is not known."""
        for name in ("head_dim", "hidden_size_per_head"):
            said = self.setting(name)
            if said is not None and not isinstance(said, Known):
                return None
            if size := integer(said):
                return size
        return (self.number("hidden_size") or 0) // query or None

    @property
    def _expanded_size(self) -> int:
        """The size of a head of expanded keys (base.py, "recompute head_size for full attn")."""
        return (self.number("qk_nope_head_dim") or 0) + (self.number("qk_rope_head_dim") or 0)

    @port_of("vllm/model_executor/layers/attention/mla_attention.py", "get_mla_dims")
    def compressed(self, expansions: Mapping[Instance, str]) -> Compressed | None:
        """The sizes of the attention over compressed keys; None when not all are known."""
        rank, rotary = self.number("kv_lora_rank"), self.number("qk_rope_head_dim")
        rest, value = self.number("qk_nope_head_dim"), self.number("v_head_dim")
        if rank is None or rotary is None or rest is None or value is None:
            return None
        return Compressed(expansions, rank, rotary, rest + rotary, value)

    def compressed_head_size(self, engine: VllmEngine) -> int | None:
        """The head size that the attention over compressed keys must support; None if not known."""
        rank, rotary = self.number("kv_lora_rank"), self.number("qk_rope_head_dim")
        query = self.number("num_attention_heads")
        kind = self.setting("model_type")
        ratios = (self.setting(name) for name in ("compress_ratios", "compress_rates"))
        if not isinstance(kind, Known) or any(each is not None for each in ratios):
            return None
        if kind.value in engine.profile.attention.latent_types.value:
            return rank + rotary if rank is not None and rotary is not None else None
        return self._head_size(query) if query else None

    @port_of("vllm/config/model.py", "ModelConfig.get_total_num_kv_heads")
    @port_of(
        "vllm/transformers_utils/model_arch_config_convertor.py",
        "ModelArchConfigConvertorBase.get_total_num_kv_heads",
    )
    def _kv_heads(self, query: int, engine: VllmEngine) -> int | None:
        """The number in the first of the release's names, else one for each query head."""
        settings = (self.setting(name) for name in engine.profile.config.kv_head_fields.value)
        said = next((each for each in settings if each is not None and each != NONE), known(query))
        return integer(said)

"""What an engine reads from the config of a model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from forgather_lint.core.port import port_of
from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.documents.config_json import ConfigFile
from forgather_lint.engines.vllm.release import VllmEngine
from forgather_lint.execution.engine import Compressed, Heads
from forgather_lint.python.interpreter.budget import BudgetExceeded
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import NONE, Arguments, Known, Value, known

TEXT_PARTS = ("text_encoder", "decoder", "generator", "text_config")
"""Where a composite config has its text part (transformers, `get_text_config`)."""


@port_of("vllm/transformers_utils/config.py", "get_hf_text_config")
def text_config(machine: Machine, config: Value | None, where: Place) -> Value | None:
    """The part of a config that the engine reads sizes from: what `get_text_config` returns.

    Raises `Raised` where that raises.
    """
    if not isinstance(config, Instance):
        return config
    found = machine.call(machine.attribute(config, "get_text_config", where), Arguments(), where)
    parts = any(name in config.attributes for name in TEXT_PARTS)
    return found if parts or isinstance(found, Instance) else config


@record
class ModelConfig:
    """The config object of a model, which its own class may have filled; None when it has none.

    `whole` is the config that `config` is the text part of, or the same; `file` is config.json.
    """

    machine: Machine
    config: Value | None
    where: Place
    file: ConfigFile | None = None
    whole: Value | None = None

    @classmethod
    def of_text(
        cls, machine: Machine, config: Value | None, where: Place, file: ConfigFile | None = None
    ) -> ModelConfig:
        """The text part of `config`; the whole where there is none."""
        try:
            text = text_config(machine, config, where)
        except (Raised, BudgetExceeded):
            text = config
        return cls(machine, text, where, file, config)

    def setting(self, name: str) -> Value | None:
        """`config.name`, None when the config has no such attribute."""
        if self.config is None:
            return None
        try:
            return self.machine.attribute(self.config, name, self.where)
        except Raised:
            return None

    def lacks(self, name: str) -> bool:
        """Whether reading `config.name` surely raises an `AttributeError`."""
        if not isinstance(self.config, Instance):
            return False
        try:
            self.machine.attribute(self.config, name, self.where)
        except Raised as error:
            return error.kind == "AttributeError" and error.doubt is None
        return False

    def number(self, name: str) -> int | None:
        """`config.name` when it is an integer."""
        return _integer(self.setting(name))

    def place_of(self, names: Sequence[str]) -> Place:
        """Where config.json, or else its class, sets the first of `names` that it has."""
        if self.file is not None:
            for keys, said in self._said(self.file.values):
                for name in names:
                    if name in said:
                        return self.file.place(*keys, name)
        for config in (self.config, self.whole):
            places = config.places if isinstance(config, Instance) else {}
            for name in names:
                if name in places:
                    return places[name]
        return self.where

    def _said(
        self, values: Mapping[str, object]
    ) -> Iterator[tuple[tuple[str, ...], Mapping[str, object]]]:
        """The objects of config.json that may say a setting, the nearest first."""
        if isinstance(self.whole, Instance) and self.whole is not self.config:
            for name, part in self.whole.attributes.items():
                held = values.get(name)
                if part is self.config and isinstance(held, dict):
                    yield (name,), held
        yield (), values

    @property
    def tied(self) -> bool:
        """Whether the head has the weights of the embedding."""
        parts = (self, ModelConfig(self.machine, self.whole, self.where))
        said = (each.setting("tie_word_embeddings") for each in parts)
        return any(isinstance(each, Known) and bool(each.value) for each in said)

    @property
    def latent(self) -> bool:
        """Whether keys and values are kept as one latent vector, as by DeepSeek's attention."""
        return self.setting("kv_lora_rank") is not None

    def heads(self, engine: VllmEngine) -> Heads | None:
        """The head counts that the engine reads; None when they are not all known."""
        query = self.number("num_attention_heads")
        if not query:
            return None
        kv = self._kv_heads(query, engine)
        size = self._head_size(query)
        if self.latent and engine.fuses_latent:
            size = self._expanded_size or size
        varies = self.setting("is_heterogeneous") not in (None, known(False))
        kind = self.setting("model_type")
        own = isinstance(kind, Known) and kind.value in engine.own_head_counts
        uniform = not (self.latent or varies or own)
        return Heads(query, kv, size, uniform=uniform) if size and kv else None

    @port_of("vllm/config/model.py", "ModelConfig.get_head_size")
    @port_of(
        "vllm/transformers_utils/model_arch_config_convertor.py",
        "ModelArchConfigConvertorBase.get_head_size",
    )
    def _head_size(self, query: int) -> int | None:
        """The first name that says a size; None where one of them may, or nothing says it."""
        for name in ("head_dim", "hidden_size_per_head"):
            said = self.setting(name)
            if said is not None and not isinstance(said, Known):
                return None
            if size := _integer(said):
                return size
        return (self.number("hidden_size") or 0) // query or None

    @property
    def _expanded_size(self) -> int:
        """A head of expanded keys (base.py, "recompute head_size for full attn")."""
        return (self.number("qk_nope_head_dim") or 0) + (self.number("qk_rope_head_dim") or 0)

    @port_of("vllm/model_executor/layers/attention/mla_attention.py", "get_mla_dims")
    def compressed(self, expansions: Mapping[Instance, str]) -> Compressed | None:
        """The sizes of the engine's attention for compressed keys; None when not all are known."""
        rank, rotary = self.number("kv_lora_rank"), self.number("qk_rope_head_dim")
        rest, value = self.number("qk_nope_head_dim"), self.number("v_head_dim")
        if rank is None or rotary is None or rest is None or value is None:
            return None
        return Compressed(expansions, rank, rotary, rest + rotary, value)

    def compressed_head_size(self, engine: VllmEngine) -> int | None:
        """The head size that the attention for compressed keys is checked for; None: not known."""
        rank, rotary = self.number("kv_lora_rank"), self.number("qk_rope_head_dim")
        query = self.number("num_attention_heads")
        kind = self.setting("model_type")
        if not isinstance(kind, Known) or self.setting("compress_ratios") is not None:
            return None
        if kind.value in engine.latent_types:
            return rank + rotary if rank is not None and rotary is not None else None
        return self._head_size(query) if query else None

    @port_of("vllm/config/model.py", "ModelConfig.get_total_num_kv_heads")
    @port_of(
        "vllm/transformers_utils/model_arch_config_convertor.py",
        "ModelArchConfigConvertorBase.get_total_num_kv_heads",
    )
    def _kv_heads(self, query: int, engine: VllmEngine) -> int | None:
        """As many as the first of the release's names says, else one for each query head."""
        settings = (self.setting(name) for name in engine.kv_head_fields)
        said = next((each for each in settings if each is not None and each != NONE), known(query))
        return _integer(said)


def _integer(value: Value | None) -> int | None:
    found = value.value if isinstance(value, Known) else None
    return found if isinstance(found, int) and not isinstance(found, bool) else None

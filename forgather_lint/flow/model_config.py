"""What an engine reads from the config of a model."""

from __future__ import annotations

from forgather_lint.flow.engine import Engine, Heads
from forgather_lint.interp.frame import Raised
from forgather_lint.interp.machine import Machine
from forgather_lint.record import record
from forgather_lint.source import Place
from forgather_lint.values.value import NONE, Known, Value, known


@record
class ModelConfig:
    """The config object of a model, which its own class may have filled; None when it has none."""

    machine: Machine
    config: Value | None
    where: Place

    def setting(self, name: str) -> Value | None:
        """`config.name`, None when the config has no such attribute."""
        if self.config is None:
            return None
        try:
            return self.machine.attribute(self.config, name, self.where)
        except Raised:
            return None

    def number(self, name: str) -> int | None:
        """`config.name` when it is an integer."""
        return _integer(self.setting(name))

    @property
    def tied(self) -> bool:
        """Whether the head has the weights of the embedding."""
        said = self.setting("tie_word_embeddings")
        return isinstance(said, Known) and bool(said.value)

    @property
    def latent(self) -> bool:
        """Whether keys and values are kept as one latent vector, as by DeepSeek's attention."""
        return self.setting("kv_lora_rank") is not None

    def heads(self, engine: Engine) -> Heads | None:
        """The head counts that the engine reads; None when they are not all known."""
        query = self.number("num_attention_heads")
        if not query:
            return None
        kv = self._kv_heads(query, engine)
        size = self.number("head_dim") or (self.number("hidden_size") or 0) // query
        return Heads(query, kv, size) if size and kv else None

    def _kv_heads(self, query: int, engine: Engine) -> int | None:
        """As many as the first of the release's names says, else one for each query head."""
        settings = (self.setting(name) for name in engine.kv_head_fields)
        said = next((each for each in settings if each is not None and each != NONE), known(query))
        return _integer(said)


def _integer(value: Value | None) -> int | None:
    found = value.value if isinstance(value, Known) else None
    return found if isinstance(found, int) and not isinstance(found, bool) else None

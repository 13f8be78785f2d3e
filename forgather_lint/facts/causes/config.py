"""What is wrong with config.json."""

from __future__ import annotations

from forgather_lint.core.record import record
from forgather_lint.facts.cause import Cause


@record
class FieldIsNull(Cause):
    """The field `name` is null where the engine reads a number; of KV heads with `counts_heads`.

    With `is_list` it is a list, as of a number for each layer.
    """

    name: str
    counts_heads: bool = False
    is_list: bool = False


@record
class DefaultsRaise(Cause):
    """The config class `name` raises where it is made without arguments."""

    name: str


@record
class FieldIsAbsent(Cause):
    """The config has no attribute `name`, which the engine reads without a default."""

    name: str


@record
class KeyHasNewName(Cause):
    """config.json calls `new` by its older name `old`; nothing in the model's code says `old`."""

    old: str
    new: str

    @property
    def told(self) -> str:
        return "the older name is read as the new one"


@record
class NoArchitecture(Cause):
    """Neither `architectures` nor a type says which class the model has."""


@record
class ReferenceMalformed(Cause):
    """The entry `name` of `auto_map`, or all of it, is no text."""

    name: str


@record
class LayerTypesUnusable(Cause):
    """`layer_types` is null, or too short; `found` says what it is instead."""

    found: str


@record
class LengthExceedsPositions(Cause):
    """The length `asked` for is above what the field `name` allows."""

    name: str
    asked: int
    limit: int


@record
class ConfigNotFound(Cause):
    """The folder has no config.json."""

    folder: str


@record
class NoConfigClass(Cause):
    """Nobody has a config class for the type `kind` (empty: no type is said)."""

    kind: str


@record
class NoAutoModel(Cause):
    """`auto_map` names no class of a base model, and no other class serves the architecture."""

    architecture: str


@record
class OwnModelServes(Cause):
    """A model that the engine has by the name of the architecture serves, not the one here."""

    name: str

    @property
    def told(self) -> str:
        return f"vLLM's own `{self.name}` serves; the code and the plans of the model are not read"


@record
class TextConfigUnusable(Cause):
    """A composite config from which no sizes of a text model can be read."""


@record
class SeveralTextConfigs(TextConfigUnusable):
    """More than one part of the config is a config for text."""

    names: tuple[str, ...]

    @property
    def told(self) -> str:
        return f"{' and '.join(self.names)} are both configs for text"


@record
class TextConfigWithoutHeads(TextConfigUnusable):
    """The part `name` of the config, which is for text, says no number of heads."""

    name: str

    @property
    def told(self) -> str:
        return f"`{self.name}` has no `num_attention_heads`"


@record
class ProcessorMissing(Cause):
    """A composite config makes a model of several modalities, and nothing names its processor."""


@record
class NotCausal(Cause):
    """The class `name` says that its attention is not causal, which makes the model an encoder."""

    name: str

    @property
    def told(self) -> str:
        return f"{self.name}: replaced"


@record
class RopeThetaOverlooked(Cause):
    """The code reads the base `read` of the rotary embedding, and config.json says `said`."""

    read: float
    said: float


@record
class TiedByConfigAlone(Cause):
    """The config ties the embeddings, `name` (the class with the head) does not."""

    name: str

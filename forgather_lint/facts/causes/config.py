"""What is wrong with config.json."""

from __future__ import annotations

from forgather_lint.core.record import record
from forgather_lint.facts.cause import Cause


@record
class FieldIsNull(Cause):
    """The field `name` is null where the engine reads a number.

    `counts_heads`: it is the number of KV heads. `is_list`: the field is a list instead, such as
    one number for each layer.
    """

    name: str
    counts_heads: bool = False
    is_list: bool = False


@record
class DefaultsRaise(Cause):
    """The config class `name` raises when it is constructed without arguments."""

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
    """Neither `architectures` nor `model_type` says which class the model has."""


@record
class ReferenceMalformed(Cause):
    """The entry `name` of `auto_map`, or all of it, is not text."""

    name: str


@record
class LayerTypesUnusable(Cause):
    """`layer_types` is null or too short; `found` describes it."""

    found: str


@record
class LengthExceedsPositions(Cause):
    """The requested context length `asked` is above what the field `name` allows."""

    name: str
    asked: int
    limit: int


@record
class ConfigNotFound(Cause):
    """The folder has no config.json."""

    folder: str


@record
class NoConfigClass(Cause):
    """Neither transformers nor the folder has a config class for the model type `kind`.

    An empty `kind`: config.json has no model type.
    """

    kind: str


@record
class NoAutoModel(Cause):
    """`auto_map` names no class for `AutoModel`, and nothing else serves the architecture."""

    architecture: str


@record
class OwnModelServes(Cause):
    """The engine has a model of its own for this architecture and runs that, not the code here."""

    name: str

    @property
    def told(self) -> str:
        return f"vLLM's own `{self.name}` serves; the code and the plans of the model are not read"


@record
class TextConfigUnusable(Cause):
    """The sizes of a text model cannot be read from a composite config (one with configs in it)."""


@record
class SeveralTextConfigs(TextConfigUnusable):
    """More than one sub-config of the config describes a text model."""

    names: tuple[str, ...]

    @property
    def told(self) -> str:
        return f"{' and '.join(self.names)} are both configs for text"


@record
class TextConfigWithoutHeads(TextConfigUnusable):
    """The sub-config `name` of the text model has no number of attention heads."""

    name: str

    @property
    def told(self) -> str:
        return f"`{self.name}` has no `num_attention_heads`"


@record
class ProcessorMissing(Cause):
    """A composite config makes the model multimodal, and nothing names its processor."""


@record
class NotCausal(Cause):
    """The class `name` says its attention is not causal, so the engine takes it for an encoder."""

    name: str

    @property
    def told(self) -> str:
        return f"{self.name} is taken for an encoder"


@record
class RopeThetaOverlooked(Cause):
    """The code uses `read` as base of the rotary embedding, while config.json has `said`."""

    read: float
    said: float


@record
class TiedByConfigAlone(Cause):
    """The config ties the embeddings; `name`, the class with the head, declares no tied weights."""

    name: str


@record
class ConfigClassDiffers(Cause):
    """The class `model` says that its config is of the class `said`, and it is handed a `given`.

    `said` is empty where it names no class.
    """

    model: str
    said: str
    given: str

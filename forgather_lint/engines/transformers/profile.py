"""What a transformers release does with a model: one record for each file in `data/transformers`.

The names are explained beside their values, in the data; `engines/vllm/profile.py` says how they
are used.
"""

# Annotations are read at run time, to check the data against them.

from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property

from forgather_lint.core.record import record
from forgather_lint.core.version import Version
from forgather_lint.engines.fact import Fact, Reaction, topic
from forgather_lint.engines.names import knows


class ConfigPlanOn(StrEnum):
    """The models to whose plan that of their config is added, with its keys unchanged."""

    EVERY_MODEL = "every_model"
    BASE_MODEL = "base_model"


class EmbeddingRule(StrEnum):
    """What adds `embed_tokens: embedding_rowwise` to a plan without such an entry."""

    NONE = "none"
    CONFIG_IF_TIED = "config_if_tied"
    BASE_MODEL = "base_model"


class Wildcard(StrEnum):
    """What `*` stands for in a key: any run of digits, or a whole component of digits."""

    DIGITS = "digits"
    COMPONENTS = "components"


@record
class TransformersPlan:
    """`plan.toml`: parallel plans."""

    styles: Fact[tuple[str, ...]]
    unknown_style: Fact[Reaction]
    config_plan_on: Fact[ConfigPlanOn]
    class_plan_kept: Fact[bool]
    embedding_rule: Fact[EmbeddingRule]
    wildcard: Fact[Wildcard]
    unmatched_rule: Fact[Reaction]
    missing: Fact[Reaction]
    not_linear: Fact[Reaction]


@record
class TransformersConfig:
    """`config.toml`: the base configuration."""

    removed_fields: Fact[tuple[str, ...]]
    renamed_fields: Fact[Mapping[str, str]]
    rope_types: Fact[tuple[str, ...]]
    rope_type_unknown: Fact[Reaction]
    rope_keys_missing: Fact[Reaction]
    fields_generated: Fact[bool]
    defaults_built: Fact[bool]
    popped_fields: Fact[tuple[str, ...]]
    model_type_taken: Fact[Reaction]
    layer_types: Fact[tuple[str, ...]]
    mlp_layer_types: Fact[tuple[str, ...]]
    layer_types_renamed: Fact[Mapping[str, str]]
    layer_type_unknown: Fact[Reaction]
    layer_types_length: Fact[Reaction]
    several_text_configs: Fact[Reaction]


@record
class TransformersModeling:
    """`modeling.toml`: what PreTrainedModel requires."""

    tied_weights_list: Fact[Reaction]
    tie_weights_override: Fact[Reaction]
    holders_initialised: Fact[bool]
    settable_if_file_has: Fact[tuple[str, ...]]
    activations: Fact[tuple[str, ...]]
    attention_class_pattern: Fact[str]
    embedding_name: Fact[str]
    no_embedding: Fact[Reaction]
    no_embedding_setter: Fact[Reaction]
    mask_embeds_renamed: Fact[Reaction]


@record
class TransformersLoading:
    """`loading.toml`: remote code."""

    relative_import_patterns: Fact[tuple[str, ...]]
    local_imports_followed: Fact[bool]
    file_not_copied: Fact[Reaction]
    package_not_read: Fact[Reaction]
    name_not_copied: Fact[Reaction]
    reference_not_text: Fact[Reaction]
    reference_null: Fact[Reaction]
    import_missing: Fact[Reaction]
    module_missing: Fact[Reaction]
    no_auto_class: Fact[Reaction]
    config_class_differs: Fact[Reaction]
    config_class_unnamed: Fact[Reaction]
    plain_module: Fact[Reaction]
    auto_map_null: Fact[Reaction]
    type_unknown: Fact[Reaction]
    type_missing: Fact[Reaction]
    type_from_path: Fact[bool]
    old_names: Fact[Mapping[str, str]]
    custom_code_converted: Fact[bool]
    tokenizer_file_missing: Fact[Reaction]
    tokenizer_missing: Fact[Reaction]
    tokenizer_not_json: Fact[Reaction]
    tokenizer_model_unread: Fact[Reaction]
    tokenizer_class_unknown: Fact[Reaction]
    tokenizer_classes_of_later: Fact[tuple[str, ...]]


@record(slots=False)
class TransformersProfile:
    """A transformers release, known or not.

    An unknown one is taken to be like the newest before it.
    """

    version: Version

    @cached_property
    def plan(self) -> TransformersPlan:
        return topic(TransformersPlan, "transformers/plan", self.version)

    @cached_property
    def config(self) -> TransformersConfig:
        return topic(TransformersConfig, "transformers/config", self.version)

    @cached_property
    def modeling(self) -> TransformersModeling:
        return topic(TransformersModeling, "transformers/modeling", self.version)

    @cached_property
    def loading(self) -> TransformersLoading:
        return topic(TransformersLoading, "transformers/loading", self.version)

    def has_model_type(self, model_type: str) -> bool:
        """Whether `AutoConfig` of this release has a config for `model_type`."""
        return knows("transformers_configs", model_type, self.version)

    def has_class(self, name: str) -> bool:
        """Whether this release exports a model class called `name`."""
        return knows("transformers_classes", name, self.version)

    def __str__(self) -> str:
        return f"transformers=={self.version}"

"""What a transformers release does with a model: one record for each file in `data/transformers`.

The names are explained beside their values, in the data; see `vllm_profile` for the manner.
"""

# Annotations are read at run time, to check the data against them.

from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property

from forgather_lint.core.record import record
from forgather_lint.core.version import Version
from forgather_lint.engines.fact import Fact, Outcome, topic
from forgather_lint.engines.names import knows
from forgather_lint.engines.transformers.imports import ImportedName, imported_name


class ConfigPlanOn(StrEnum):
    """The models to whose own plan that of their config is added, keys unchanged."""

    EVERY_MODEL = "every_model"
    BASE_MODEL = "base_model"


class EmbeddingRule(StrEnum):
    """Who adds `embed_tokens: embedding_rowwise` to a plan that does not say so."""

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
    unknown_style: Fact[Outcome]
    config_plan_on: Fact[ConfigPlanOn]
    class_plan_kept: Fact[bool]
    embedding_rule: Fact[EmbeddingRule]
    wildcard: Fact[Wildcard]
    unmatched_rule: Fact[Outcome]
    missing: Fact[Outcome]
    not_linear: Fact[Outcome]


@record
class TransformersConfig:
    """`config.toml`: the base configuration."""

    removed_fields: Fact[tuple[str, ...]]
    renamed_fields: Fact[Mapping[str, str]]
    rope_types: Fact[tuple[str, ...]]
    rope_type_unknown: Fact[Outcome]
    fields_generated: Fact[bool]
    popped_fields: Fact[tuple[str, ...]]
    model_type_taken: Fact[Outcome]
    layer_types: Fact[tuple[str, ...]]
    layer_types_renamed: Fact[Mapping[str, str]]
    layer_type_unknown: Fact[Outcome]
    layer_types_length: Fact[Outcome]
    several_text_configs: Fact[Outcome]


@record
class TransformersModeling:
    """`modeling.toml`: what PreTrainedModel demands."""

    tied_weights_list: Fact[Outcome]
    tie_weights_override: Fact[Outcome]
    settable_if_file_has: Fact[tuple[str, ...]]
    activations: Fact[tuple[str, ...]]
    attention_class_pattern: Fact[str]
    embedding_name: Fact[str]
    no_embedding: Fact[Outcome]
    no_embedding_setter: Fact[Outcome]
    mask_embeds_renamed: Fact[Outcome]


@record
class TransformersLoading:
    """`loading.toml`: remote code."""

    relative_import_patterns: Fact[tuple[str, ...]]
    local_imports_followed: Fact[bool]
    file_not_copied: Fact[Outcome]
    package_not_read: Fact[Outcome]
    name_not_copied: Fact[Outcome]
    reference_not_text: Fact[Outcome]
    reference_null: Fact[Outcome]
    import_missing: Fact[Outcome]
    module_missing: Fact[Outcome]
    no_auto_class: Fact[Outcome]
    auto_map_null: Fact[Outcome]
    type_unknown: Fact[Outcome]
    type_missing: Fact[Outcome]
    type_from_path: Fact[bool]
    old_names: Fact[Mapping[str, str]]
    custom_code_converted: Fact[bool]
    tokenizer_file_missing: Fact[Outcome]
    tokenizer_class_unknown: Fact[Outcome]
    tokenizer_classes_of_later: Fact[tuple[str, ...]]


@record(slots=False)
class TransformersProfile:
    """A transformers release, known or not; see `VllmProfile`."""

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

    def missing_import(self, module: str, name: str) -> ImportedName | None:
        """The entry for `from module import name` if this release lacks the name."""
        entry = imported_name(module, name)
        return entry if entry and not entry.in_release(self.version) else None

    def has_model_type(self, model_type: str) -> bool:
        """Whether `AutoConfig` of this release has a config for `model_type`."""
        return knows("transformers_configs", model_type, self.version)

    def __str__(self) -> str:
        return f"transformers=={self.version}"

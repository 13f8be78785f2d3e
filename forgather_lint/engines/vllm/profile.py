"""What a vLLM release does with a model: one record for each file in `data/vllm`.

The names are explained beside their values, in the data, the words of the values in `vllm_words`.
A release is asked for as `VllmProfile(Version(0, 32)).plan.styles.value`; only the files that are
asked for are read.
"""

# Annotations are read at run time, to check the data against them.

from collections.abc import Mapping
from functools import cached_property

from forgather_lint.core.record import record
from forgather_lint.core.version import Version
from forgather_lint.engines.fact import Fact, Outcome, topic
from forgather_lint.engines.vllm.words import (
    AttentionBinding,
    AttentionGate,
    BasePrefix,
    BlockSearch,
    EmbeddingSearch,
    Hoisting,
    LinearKind,
    Lookup,
    NormSearch,
    OutputProjection,
    Picks,
    StageNames,
)


@record
class VllmPlan:
    """`plan.toml`: the tensor parallel plan."""

    prefix: Fact[str]
    picks: Fact[Picks]
    unmatched: Fact[LinearKind]
    styles: Fact[Mapping[str, LinearKind]]
    unknown_style: Fact[LinearKind]
    style_not_text: Fact[Outcome]
    missing: Fact[Outcome]
    never_merged: Fact[Outcome]


@record
class VllmPipeline:
    """`pipeline.toml`: the pipeline plan and its stages."""

    names_from: Fact[StageNames]
    lookup: Fact[Lookup]
    missing: Fact[Outcome]
    several_lists: Fact[Outcome]
    no_list: Fact[Outcome]
    placeholder: Fact[Outcome]


@record
class VllmModules:
    """`modules.toml`: which modules are replaced."""

    linear_forward_kept: Fact[bool]
    linear_attributes: Fact[tuple[str, ...]]
    embedding_attributes: Fact[tuple[str, ...]]
    layer_norm_attributes: Fact[tuple[str, ...]]
    convolution_attributes: Fact[tuple[str, ...]]
    norm_found_by: Fact[NormSearch]
    norm_epsilon_names: Fact[tuple[str, ...]]
    norm_parameters_kept: Fact[tuple[str, ...]]
    norm_second_input: Fact[Outcome]
    norm_centre_lost: Fact[Outcome]
    norm_of_other_width: Fact[Outcome]
    norm_of_uneven_shard: Fact[Outcome]
    norm_power_recognised: Fact[bool]
    norm_width_from_config: Fact[bool]
    embedding_found_by: Fact[EmbeddingSearch]
    embedding_forward_dropped: Fact[Outcome]
    embedding_scale_kept: Fact[bool]
    embedding_setter_called: Fact[bool]


@record
class VllmFusers:
    """`fusers.toml`: patterns that override the plan."""

    names: Fact[tuple[str, ...]]
    output_projection: Fact[OutputProjection]
    hoisting: Fact[Hoisting]
    kv_heads_uneven: Fact[Outcome]
    head_size_of_module: Fact[bool]
    stacked_by_substring: Fact[bool]


@record
class VllmAttention:
    """`attention.toml`: how attention is bound and what it reads."""

    gate: Fact[AttentionGate]
    incompatible: Fact[Outcome]
    binding: Fact[AttentionBinding]
    keyword_lost: Fact[Outcome]
    no_layer_index: Fact[Outcome]
    no_dispatch: Fact[Outcome]
    shared_layer: Fact[Outcome]
    scaling_unresolved: Fact[Outcome]
    scaling_positional: Fact[Outcome]
    sinks_unresolved: Fact[Outcome]
    sinks_lost: Fact[Outcome]
    too_many_heads: Fact[Outcome]
    heads_per_kv_uneven: Fact[Outcome]
    layer_types_null: Fact[Outcome]
    layer_types_short: Fact[Outcome]
    value_padded: Fact[bool]
    latent_types: Fact[tuple[str, ...]]
    latent_head_sizes: Fact[tuple[int, ...]]
    latent_head_size_refused: Fact[Outcome]
    not_causal: Fact[Outcome]


@record
class VllmForward:
    """`forward.toml`: what is called at run time."""

    arguments: Fact[tuple[str, ...]]
    unexpected_argument: Fact[Outcome]
    hidden_states: Fact[str]
    decoder_arguments: Fact[tuple[str, ...]]
    decoder_argument_missing: Fact[Outcome]
    logits_config: Fact[tuple[str, ...]]


@record
class VllmConfig:
    """`config.toml`: what config.json must and must not say."""

    integer_fields: Fact[tuple[str, ...]]
    integer_null: Fact[Outcome]
    fields_read: Fact[tuple[str, ...]]
    field_absent: Fact[Outcome]
    own_head_counts: Fact[tuple[str, ...]]
    kv_head_fields: Fact[tuple[str, ...]]
    kv_heads_null: Fact[Outcome]
    heads_indivisible: Fact[Outcome]
    width_indivisible: Fact[Outcome]
    length_fields: Fact[tuple[str, ...]]
    length_exceeded: Fact[Outcome]
    expert_fields: Fact[tuple[str, ...]]
    expert_minimum: Fact[int]
    experts: Fact[Outcome]
    no_architecture: Fact[Outcome]
    text_heads_missing: Fact[Outcome]
    processor_type: Fact[Outcome]


@record
class VllmRegistry:
    """`registry.toml`: who serves an architecture."""

    architecture_from_type: Fact[bool]
    generating_suffixes: Fact[tuple[str, ...]]
    pooling_suffixes: Fact[tuple[str, ...]]
    unsupported: Fact[Outcome]
    removed: Fact[Outcome]
    moved_out: Fact[Outcome]
    no_model_class: Fact[Outcome]
    config_not_found: Fact[Outcome]


@record
class VllmExperts:
    """`experts.toml`: what becomes of a mixture of experts."""

    choice_fields: Fact[tuple[str, ...]]
    width_fields: Fact[tuple[str, ...]]
    field_missing: Fact[Outcome]
    activation: Fact[str]
    layer: Fact[str]
    block_replaced: Fact[BlockSearch]
    router_state: Fact[tuple[str, ...]]
    groups_read: Fact[bool]
    factor_read: Fact[bool]
    null_renormalizes: Fact[bool]
    shared_summed_once: Fact[bool]
    names_ignored: Fact[bool]


@record
class VllmWeights:
    """`weights.toml`: names and ties of the checkpoint."""

    base_prefix: Fact[BasePrefix]
    bare_names_accepted: Fact[bool]
    tied_head_in_checkpoint: Fact[Outcome]
    head_bias_loaded: Fact[bool]
    buffers_loaded: Fact[bool]
    buffers_skipped: Fact[tuple[str, ...]]
    unknown_name: Fact[Outcome]
    layer_not_in_checkpoint: Fact[Outcome]


@record
class VllmQuantization:
    """`quantization.toml`: quantised weights."""

    methods: Fact[tuple[str, ...]]
    deprecated: Fact[tuple[str, ...]]
    unknown: Fact[Outcome]
    refused: Fact[Outcome]
    awq_groups_cut: Fact[Outcome]
    packed_groups_cut: Fact[Outcome]
    schemes_differ: Fact[Outcome]


@record
class VllmBuilding:
    """`building.toml`: where the constructor of a model finds its tensors."""

    tensors_on: Fact[str]
    parameters_on: Fact[str]
    value_read: Fact[Outcome]


@record
class VllmCommand:
    """`command.toml`: what `vllm serve` refuses of options that it takes one by one."""

    tool_parser_missing: Fact[Outcome]
    log_requests_missing: Fact[Outcome]
    batch_below_length: Fact[Outcome]
    batch_below_sequences: Fact[Outcome]
    context_ranks_uneven: Fact[Outcome]
    data_ranks_local: Fact[Outcome]
    nodes_of_ray: Fact[Outcome]
    no_experts: Fact[Outcome]
    too_few_devices: Fact[Outcome]
    code_not_trusted: Fact[Outcome]


@record
class VllmCheckpoint:
    """`checkpoint.toml`: files of a checkpoint, and tensors that do not fit."""

    consolidated_first: Fact[bool]
    nothing_found: Fact[Outcome]
    shard_missing: Fact[Outcome]
    parameter_missing: Fact[Outcome]
    stored_head_unties: Fact[bool]
    ignored_names_read: Fact[bool]
    names_converted: Fact[bool]
    norm_names_converted: Fact[Mapping[str, str]]
    bias_without_parameter: Fact[Outcome]
    unknown_in_fused: Fact[Outcome]
    size_of_replicated: Fact[Outcome]
    size_of_plain: Fact[Outcome]
    size_of_split: Fact[Outcome]
    split_too_short: Fact[Outcome]
    split_too_long: Fact[Outcome]
    width_of_table: Fact[Outcome]
    adapter_strangers: Fact[Outcome]
    adapter_rank: Fact[Outcome]
    adapter_rank_default: Fact[int]


@record
class VllmDefects:
    """`defects.toml`: what only another release mends."""

    embed_scale: Fact[Outcome]
    constructor_error_hidden: Fact[Outcome]


@record(slots=False)
class VllmProfile:
    """A vLLM release, known or not; what it does is what the newest profile up to it says."""

    version: Version

    @cached_property
    def plan(self) -> VllmPlan:
        return topic(VllmPlan, "vllm/plan", self.version)

    @cached_property
    def pipeline(self) -> VllmPipeline:
        return topic(VllmPipeline, "vllm/pipeline", self.version)

    @cached_property
    def modules(self) -> VllmModules:
        return topic(VllmModules, "vllm/modules", self.version)

    @cached_property
    def fusers(self) -> VllmFusers:
        return topic(VllmFusers, "vllm/fusers", self.version)

    @cached_property
    def attention(self) -> VllmAttention:
        return topic(VllmAttention, "vllm/attention", self.version)

    @cached_property
    def forward(self) -> VllmForward:
        return topic(VllmForward, "vllm/forward", self.version)

    @cached_property
    def config(self) -> VllmConfig:
        return topic(VllmConfig, "vllm/config", self.version)

    @cached_property
    def registry(self) -> VllmRegistry:
        return topic(VllmRegistry, "vllm/registry", self.version)

    @cached_property
    def experts(self) -> VllmExperts:
        return topic(VllmExperts, "vllm/experts", self.version)

    @cached_property
    def weights(self) -> VllmWeights:
        return topic(VllmWeights, "vllm/weights", self.version)

    @cached_property
    def quantization(self) -> VllmQuantization:
        return topic(VllmQuantization, "vllm/quantization", self.version)

    @cached_property
    def building(self) -> VllmBuilding:
        return topic(VllmBuilding, "vllm/building", self.version)

    @cached_property
    def checkpoint(self) -> VllmCheckpoint:
        return topic(VllmCheckpoint, "vllm/checkpoint", self.version)

    @cached_property
    def defects(self) -> VllmDefects:
        return topic(VllmDefects, "vllm/defects", self.version)

    @cached_property
    def command(self) -> VllmCommand:
        return topic(VllmCommand, "vllm/command", self.version)

    def __str__(self) -> str:
        return f"vllm=={self.version}"

"""What a vLLM release does with a model: one record for each file in `data/vllm`.

The fields are explained beside their values, in the data, the words of the values in `fact_values`.
`VllmProfile(Version(0, 32)).plan.styles.value` is a fact of a release; a data file is read when one
of its facts is first asked for.
"""

# Annotations are read at run time, to check the data against them.

from collections.abc import Mapping
from functools import cached_property

from forgather_lint.core.record import record
from forgather_lint.core.version import Version
from forgather_lint.engines.fact import Fact, Reaction, topic
from forgather_lint.engines.vllm.fact_values import (
    AttentionBinding,
    AttentionGate,
    BasePrefix,
    BlockSearch,
    Counted,
    EmbeddingSearch,
    Hoisting,
    InFlight,
    LinearKind,
    Lookup,
    Needed,
    NormSearch,
    OutputProjection,
    Picks,
    StageNames,
    UniformWindow,
    WindowsOf,
)


@record
class VllmPlan:
    """`plan.toml`: the tensor parallel plan."""

    prefix: Fact[str]
    picks: Fact[Picks]
    unmatched: Fact[LinearKind]
    styles: Fact[Mapping[str, LinearKind]]
    unknown_style: Fact[LinearKind]
    style_not_text: Fact[Reaction]
    missing: Fact[Reaction]
    never_merged: Fact[Reaction]


@record
class VllmPipeline:
    """`pipeline.toml`: the pipeline plan and its stages."""

    names_from: Fact[StageNames]
    lookup: Fact[Lookup]
    missing: Fact[Reaction]
    several_lists: Fact[Reaction]
    no_list: Fact[Reaction]
    placeholder: Fact[Reaction]


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
    norm_second_input: Fact[Reaction]
    norm_centre_lost: Fact[Reaction]
    norm_of_other_width: Fact[Reaction]
    norm_of_uneven_shard: Fact[Reaction]
    norm_power_recognised: Fact[bool]
    norm_width_from_config: Fact[bool]
    embedding_found_by: Fact[EmbeddingSearch]
    embedding_forward_dropped: Fact[Reaction]
    embedding_scale_kept: Fact[bool]
    embedding_setter_called: Fact[bool]


@record
class VllmFusers:
    """`fusers.toml`: patterns that override the plan."""

    names: Fact[tuple[str, ...]]
    output_projection: Fact[OutputProjection]
    hoisting: Fact[Hoisting]
    kv_heads_uneven: Fact[Reaction]
    head_size_of_module: Fact[bool]
    stacked_by_substring: Fact[bool]


@record
class VllmAttention:
    """`attention.toml`: how attention is bound and what it reads."""

    gate: Fact[AttentionGate]
    plain_module: Fact[Reaction]
    incompatible: Fact[Reaction]
    binding: Fact[AttentionBinding]
    keyword_lost: Fact[Reaction]
    no_layer_index: Fact[Reaction]
    no_attention: Fact[Reaction]
    no_dispatch: Fact[Reaction]
    shared_layer: Fact[Reaction]
    scaling_unresolved: Fact[Reaction]
    scaling_positional: Fact[Reaction]
    sinks_unresolved: Fact[Reaction]
    sinks_lost: Fact[Reaction]
    too_many_heads: Fact[Reaction]
    heads_per_kv_uneven: Fact[Reaction]
    layer_types_null: Fact[Reaction]
    layer_types_short: Fact[Reaction]
    value_padded: Fact[bool]
    latent_types: Fact[tuple[str, ...]]
    latent_head_sizes: Fact[tuple[int, ...]]
    latent_head_size_refused: Fact[Reaction]
    not_causal: Fact[Reaction]


@record
class VllmForward:
    """`forward.toml`: what is called at run time."""

    arguments: Fact[tuple[str, ...]]
    ids_type: Fact[str]
    unexpected_argument: Fact[Reaction]
    hidden_states: Fact[str]
    decoder_arguments: Fact[tuple[str, ...]]
    decoder_argument_missing: Fact[Reaction]
    logits_config: Fact[tuple[str, ...]]


@record
class VllmConfig:
    """`config.toml`: what config.json must and must not contain."""

    integer_fields: Fact[tuple[str, ...]]
    integer_null: Fact[Reaction]
    fields_read: Fact[tuple[str, ...]]
    field_absent: Fact[Reaction]
    own_head_counts: Fact[tuple[str, ...]]
    kv_head_fields: Fact[tuple[str, ...]]
    kv_heads_null: Fact[Reaction]
    heads_indivisible: Fact[Reaction]
    context_without_copies: Fact[Reaction]
    context_beyond_copies: Fact[Reaction]
    context_heads_uneven: Fact[Reaction]
    width_indivisible: Fact[Reaction]
    length_fields: Fact[tuple[str, ...]]
    length_exceeded: Fact[Reaction]
    expert_fields: Fact[tuple[str, ...]]
    expert_minimum: Fact[int]
    experts: Fact[Reaction]
    no_architecture: Fact[Reaction]
    text_heads_missing: Fact[Reaction]
    rope_patched: Fact[bool]
    processor_type: Fact[Reaction]


@record
class VllmRegistry:
    """`registry.toml`: who serves an architecture."""

    architecture_from_type: Fact[bool]
    generating_suffixes: Fact[tuple[str, ...]]
    pooling_suffixes: Fact[tuple[str, ...]]
    unsupported: Fact[Reaction]
    removed: Fact[Reaction]
    moved_out: Fact[Reaction]
    no_model_class: Fact[Reaction]
    config_not_found: Fact[Reaction]


@record
class VllmExperts:
    """`experts.toml`: what becomes of a mixture of experts."""

    choice_fields: Fact[tuple[str, ...]]
    width_fields: Fact[tuple[str, ...]]
    width_indivisible: Fact[Reaction]
    field_missing: Fact[Reaction]
    activation: Fact[str]
    layer: Fact[str]
    block_replaced: Fact[BlockSearch]
    router_state: Fact[tuple[str, ...]]
    groups_read: Fact[bool]
    factor_read: Fact[bool]
    null_renormalizes: Fact[bool]
    shared_summed_once: Fact[bool]
    names_ignored: Fact[bool]
    transposed_read: Fact[bool]


@record
class VllmWeights:
    """`weights.toml`: names and ties of the checkpoint."""

    base_prefix: Fact[BasePrefix]
    bare_names_accepted: Fact[bool]
    tied_head_in_checkpoint: Fact[Reaction]
    head_bias_loaded: Fact[bool]
    buffers_loaded: Fact[bool]
    buffers_skipped: Fact[tuple[str, ...]]
    unknown_name: Fact[Reaction]
    layer_not_in_checkpoint: Fact[Reaction]


@record
class VllmQuantization:
    """`quantization.toml`: quantized weights."""

    methods: Fact[tuple[str, ...]]
    deprecated: Fact[tuple[str, ...]]
    unknown: Fact[Reaction]
    refused: Fact[Reaction]
    argument_differs: Fact[Reaction]
    argument_without_config: Fact[Reaction]
    argument_names: Fact[Mapping[str, tuple[str, ...]]]
    dtype_refused: Fact[Reaction]
    dtypes_refused: Fact[Mapping[str, tuple[str, ...]]]
    key_missing: Fact[Reaction]
    keys_needed: Fact[Mapping[str, tuple[str, ...]]]
    gptq_bits: Fact[Reaction]
    gptq_ordered: Fact[Reaction]
    gptq_group: Fact[Reaction]
    awq_bits: Fact[Reaction]
    fp8_scheme: Fact[Reaction]
    packed_ordered: Fact[Reaction]
    packed_form: Fact[Reaction]
    packed_forms: Fact[tuple[str, ...]]
    not_for_transformers: Fact[Reaction]
    modelopt_algorithms: Fact[tuple[str, ...]]
    modelopt_unsaid: Fact[Reaction]
    modelopt_unknown: Fact[Reaction]
    modelopt_unknown_in_file: Fact[Reaction]
    nvfp4_unsaid: Fact[Reaction]
    nvfp4_groups_cut: Fact[Reaction]
    mxfp8_groups_cut: Fact[Reaction]
    modelopt_tiles_cut: Fact[Reaction]
    torchao_untyped: Fact[Reaction]
    torchao_types: Fact[Reaction]
    storage_refused: Fact[Reaction]
    prepared_not_split: Fact[Reaction]
    awq_groups_cut: Fact[Reaction]
    gptq_groups_cut: Fact[Reaction]
    packed_groups_cut: Fact[Reaction]
    block_columns_cut: Fact[Reaction]
    block_rows_cut: Fact[Reaction]
    schemes_differ: Fact[Reaction]
    shards_differ: Fact[Reaction]
    expert_layer: Fact[str]
    expert_schemes_differ: Fact[Reaction]
    expert_hidden_cut: Fact[Reaction]
    expert_groups_cut: Fact[Reaction]
    expert_groups_halved: Fact[Reaction]
    mxfp8_expert_hidden_cut: Fact[Reaction]
    mxfp8_expert_groups_cut: Fact[Reaction]
    expert_rows_cut: Fact[Reaction]
    expert_columns_cut: Fact[Reaction]
    expert_tiles_refined: Fact[int]
    fused_name_by_pattern: Fact[bool]
    group_indices_dropped: Fact[bool]
    groups_taken: Fact[tuple[int, ...]]
    kernels_take: Fact[int]
    proved: Fact[Mapping[str, int]]
    nothing_listed: Fact[Reaction]


@record
class VllmAdapters:
    """`adapters.toml`: LoRA adapters."""

    features_refused: Fact[Mapping[str, str]]
    saved_modules_taken: Fact[tuple[str, ...]]
    refused: Fact[Reaction]
    start_refused: Fact[Reaction]
    starts_taken: Fact[tuple[str, ...]]
    bias_refused: Fact[Reaction]
    key_missing: Fact[Reaction]
    keys_needed: Fact[tuple[str, ...]]
    tensors_missing: Fact[Reaction]
    name_refused: Fact[Reaction]
    ranks_by_pattern: Fact[bool]
    layer_absent: Fact[Reaction]


@record
class VllmConversation:
    """`conversation.toml`: what requests need from the files of a tokenizer."""

    other_ends: Fact[Reaction]
    template_missing: Fact[Reaction]


@record
class VllmBuilding:
    """`building.toml`: what the constructor of a model finds."""

    tensors_on: Fact[str]
    parameters_on: Fact[str]
    tensors_stay_on: Fact[str]
    value_read: Fact[Reaction]
    config_typed: Fact[bool]
    float32_kept: Fact[bool]


@record
class VllmCommand:
    """`command.toml`: combinations of options that `vllm serve` refuses."""

    inverse_switches: Fact[Mapping[str, str]]
    tool_parser_missing: Fact[Reaction]
    tool_parser_unknown: Fact[Reaction]
    reasoning_parser_unknown: Fact[Reaction]
    log_requests_missing: Fact[Reaction]
    batch_below_length: Fact[Reaction]
    batch_below_sequences: Fact[Reaction]
    context_ranks_uneven: Fact[Reaction]
    balance_without_experts: Fact[Reaction]
    balance_of_one: Fact[Reaction]
    redundant_without_balance: Fact[Reaction]
    data_ranks_local: Fact[Reaction]
    nodes_of_ray: Fact[Reaction]
    nodes_uneven: Fact[Reaction]
    node_unknown: Fact[Reaction]
    adapters_held: Fact[Reaction]
    no_experts: Fact[Reaction]
    cache_of_fp8_weights: Fact[Reaction]
    too_few_devices: Fact[Reaction]
    code_not_trusted: Fact[Reaction]
    argument_unexpected: Fact[Reaction]
    field_invalid: Fact[Reaction]
    speculative_model_missing: Fact[Reaction]
    file_twice: Fact[Reaction]
    file_missing: Fact[Reaction]
    file_suffix: Fact[Reaction]
    file_empty: Fact[Reaction]
    file_model: Fact[Reaction]
    file_negates: Fact[bool]
    file_objects: Fact[bool]


@record
class VllmCheckpoint:
    """`checkpoint.toml`: files of a checkpoint, and tensors that do not fit."""

    consolidated_first: Fact[bool]
    nothing_found: Fact[Reaction]
    pickle_refused: Fact[Reaction]
    shard_missing: Fact[Reaction]
    parameter_missing: Fact[Reaction]
    stored_head_unties: Fact[bool]
    ignored_names_read: Fact[bool]
    names_converted: Fact[bool]
    norm_names_converted: Fact[Mapping[str, str]]
    bias_without_parameter: Fact[Reaction]
    unknown_in_fused: Fact[Reaction]
    module_in_fused: Fact[Reaction]
    size_of_replicated: Fact[Reaction]
    size_of_plain: Fact[Reaction]
    size_of_split: Fact[Reaction]
    split_too_short: Fact[Reaction]
    split_too_long: Fact[Reaction]
    width_of_table: Fact[Reaction]
    adapter_strangers: Fact[Reaction]
    adapter_rank: Fact[Reaction]
    adapter_rank_default: Fact[int]


@record
class VllmMemory:
    """`memory.toml`: the key-value cache."""

    utilization: Fact[float]
    block_size: Fact[int]
    latent_block_size: Fact[int]
    batched_tokens: Fact[Mapping[str, int]]
    in_flight: Fact[InFlight]
    uniform_window: Fact[UniformWindow]
    windows_of: Fact[WindowsOf]
    wider_groups: Fact[float]
    counted: Fact[Counted]
    needed: Fact[Needed]
    reserved_blocks: Fact[int]
    cache_dtypes: Fact[Mapping[str, int]]
    too_long: Fact[Reaction]
    estimate: Fact[str]
    no_memory: Fact[Reaction]


@record
class VllmDefects:
    """`defects.toml`: bugs that later releases fixed."""

    embed_scale: Fact[Reaction]
    constructor_error_hidden: Fact[Reaction]


@record(slots=False)
class VllmProfile:
    """A vLLM release, known or not; an unknown one is taken to be like the newest before it."""

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
    def adapters(self) -> VllmAdapters:
        return topic(VllmAdapters, "vllm/adapters", self.version)

    @cached_property
    def conversation(self) -> VllmConversation:
        return topic(VllmConversation, "vllm/conversation", self.version)

    @cached_property
    def building(self) -> VllmBuilding:
        return topic(VllmBuilding, "vllm/building", self.version)

    @cached_property
    def checkpoint(self) -> VllmCheckpoint:
        return topic(VllmCheckpoint, "vllm/checkpoint", self.version)

    @cached_property
    def memory(self) -> VllmMemory:
        return topic(VllmMemory, "vllm/memory", self.version)

    @cached_property
    def defects(self) -> VllmDefects:
        return topic(VllmDefects, "vllm/defects", self.version)

    @cached_property
    def command(self) -> VllmCommand:
        return topic(VllmCommand, "vllm/command", self.version)

    def __str__(self) -> str:
        return f"vllm=={self.version}"

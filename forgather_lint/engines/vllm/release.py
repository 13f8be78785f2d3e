"""The behaviour of a vLLM release that decides what a plan computes, from its profile."""

from __future__ import annotations

from collections.abc import Collection

from forgather_lint.core.record import record
from forgather_lint.engines.fact import Effect, Reaction
from forgather_lint.engines.vllm.fact_values import (
    AttentionBinding,
    EmbeddingSearch,
    Hoisting,
    Lookup,
    NormSearch,
    OutputProjection,
    StageNames,
)
from forgather_lint.engines.vllm.matching import KeysOf
from forgather_lint.engines.vllm.profile import VllmModules, VllmProfile
from forgather_lint.execution.engine import Engine
from forgather_lint.execution.layers import Role
from forgather_lint.execution.replaced import Replaced


@record
class VllmEngine(Engine):
    """What vLLM does by itself besides, whatever the plan says.

    With `head_size_of_module` the `head_dim` of a module counts before that of the config.
    `fuses_*` say which projections the release finds and shards by itself.
    With `norms_gather` a norm that is known by what it computes gathers an input that is narrower
    than its weight, or than the model where it has none (`norm_width_from_config`).
    The heads of the model types in `own_head_counts` are read in a way that is not modelled.
    `heads_per_kv_uneven` is what the attention says to query heads that its KV heads do not divide,
    `kv_heads_uneven` what fused projections say to KV heads that the ranks do not.
    A config with `expert_minimum` or more in one of `expert_fields` has its experts replaced.
    `shared_summed_once`: a shared expert that it fuses leaves its sum to the layer of the experts.
    `..._groups_cut` and `schemes_differ` are what it says to quantised weights (`quantized.py`).
    `plan_missing`, `heads_indivisible`, `latent_head_size_refused` and `embed_scale` are what it
    says to no plan, to query heads that the ranks do not divide, to a head size that the attention
    for compressed keys and values does not have, and on a stage without the embedding.
    `latent_head_sizes` are the sizes that the attention for compressed keys and values has; for
    `latent_types` it is that of what is kept.
    """

    head_size_of_module: bool = False
    fuses_glu: bool = False
    fuses_qkv: bool = False
    fuses_packed_qkv: bool = False
    merges_columns: bool = False
    fuses_latent: bool = False
    latent_types: tuple[str, ...] = ()
    latent_head_sizes: tuple[int, ...] = ()
    hoisting: Hoisting = Hoisting.NONE
    output_by_return: bool = False
    norms_gather: bool = False
    norm_power: bool = False
    norm_width_from_config: bool = False
    plan_missing: Reaction = Reaction(Effect.NONE)
    heads_indivisible: Reaction = Reaction(Effect.NONE)
    latent_head_size_refused: Reaction = Reaction(Effect.NONE)
    embed_scale: Reaction = Reaction(Effect.NONE)
    own_head_counts: tuple[str, ...] = ()
    kv_head_fields: tuple[str, ...] = ("num_key_value_heads",)
    heads_per_kv_uneven: Reaction = Reaction(Effect.NONE)
    kv_heads_uneven: Reaction = Reaction(Effect.NONE)
    expert_fields: tuple[str, ...] = ()
    expert_minimum: int = 0
    shared_summed_once: bool = False
    awq_groups_cut: Reaction = Reaction(Effect.NONE)
    packed_groups_cut: Reaction = Reaction(Effect.NONE)
    schemes_differ: Reaction = Reaction(Effect.NONE)


def engine_of(profile: VllmProfile) -> VllmEngine:
    """What the flow needs to know of the release."""
    plan, attention = profile.plan, profile.attention
    found_by = profile.modules.embedding_found_by.value
    fusers, norms = profile.fusers.names.value, profile.modules.norm_found_by.value
    return VllmEngine(
        styles={style: Role(kind.value) for style, kind in plan.styles.value.items()},
        keys=KeysOf(plan),
        attention_by_keyword=attention.binding.value is AttentionBinding.KEYWORD,
        surplus_heads_pass=attention.too_many_heads.value.effect is Effect.SILENT,
        head_size_of_module=profile.fusers.head_size_of_module.value,
        fuses_glu="GLUFuser" in fusers,
        fuses_qkv="QKVFuser" in fusers,
        fuses_packed_qkv="PackedQKVFuser" in fusers,
        fuses_latent="MLAFuser" in fusers,
        pads_values=attention.value_padded.value,
        latent_types=attention.latent_types.value,
        latent_head_sizes=attention.latent_head_sizes.value,
        merges_columns="MergedColumnParallelFuser" in fusers,
        hoisting=profile.fusers.hoisting.value,
        output_by_return=profile.fusers.output_projection.value is OutputProjection.RETURNED,
        norms_by_name=norms is NormSearch.CLASS_NAME,
        norms_gather=norms is NormSearch.DATAFLOW,
        norm_power=profile.modules.norm_power_recognised.value,
        norm_width_from_config=profile.modules.norm_width_from_config.value,
        norm_of_other_width=profile.modules.norm_of_other_width.value,
        norm_of_uneven_shard=profile.modules.norm_of_uneven_shard.value,
        plan_missing=plan.missing.value,
        heads_indivisible=profile.config.heads_indivisible.value,
        latent_head_size_refused=attention.latent_head_size_refused.value,
        no_list=profile.pipeline.no_list.value,
        several_lists=profile.pipeline.several_lists.value,
        dotted_pipeline=profile.pipeline.lookup.value is Lookup.ATTRGETTER,
        pipeline_inferred=profile.pipeline.names_from.value is StageNames.PLAN_OR_DECODER,
        embed_scale=profile.defects.embed_scale.value,
        embedding_searched=found_by is EmbeddingSearch.VOCABULARY_SIZE,
        own_head_counts=profile.config.own_head_counts.value,
        kv_head_fields=profile.config.kv_head_fields.value,
        kv_heads_uneven=profile.fusers.kv_heads_uneven.value,
        heads_per_kv_uneven=attention.heads_per_kv_uneven.value,
        expert_fields=profile.config.expert_fields.value,
        expert_minimum=profile.config.expert_minimum.value,
        shared_summed_once=profile.experts.shared_summed_once.value,
        awq_groups_cut=profile.quantization.awq_groups_cut.value,
        packed_groups_cut=profile.quantization.packed_groups_cut.value,
        schemes_differ=profile.quantization.schemes_differ.value,
        replaced=_replaced(profile.modules),
        splits_by_head=attention.sinks_unresolved.value.effect is Effect.ERROR,
    )


def _replaced(modules: VllmModules) -> Replaced:
    return Replaced(
        linear=_attributes(modules.linear_attributes.value),
        embedding=_attributes(modules.embedding_attributes.value),
        embedding_subclasses=modules.embedding_forward_dropped.value.effect is not Effect.NONE,
        layer_norm=_attributes(modules.layer_norm_attributes.value),
        convolution=_attributes(modules.convolution_attributes.value),
    )


def _attributes(names: Collection[str]) -> frozenset[str] | None:
    return frozenset(names) or None

"""The behaviour of a vLLM release that decides what a plan computes, from its profile."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from forgather_lint.flow.candidates import Words
from forgather_lint.flow.engine import Engine
from forgather_lint.flow.layers import Role
from forgather_lint.flow.replaced import Replaced
from forgather_lint.targets.facts import Effect
from forgather_lint.targets.profile import Target
from forgather_lint.targets.vllm_profile import VllmModules, VllmProfile
from forgather_lint.targets.vllm_words import (
    AttentionBinding,
    EmbeddingSearch,
    LinearKind,
    Lookup,
    NormSearch,
    OutputProjection,
    StageNames,
)


def engine_of(profile: VllmProfile) -> Engine:
    """What the flow needs to know of the release."""
    plan, attention = profile.plan, profile.attention
    found_by = profile.modules.embedding_found_by.value
    fusers, norms = profile.fusers.names.value, profile.modules.norm_found_by.value
    return Engine(
        release=str(profile.version),
        styles={style: Role(kind.value) for style, kind in plan.styles.value.items()},
        plan=plan,
        attention_by_keyword=attention.binding.value is AttentionBinding.KEYWORD,
        surplus_heads_pass=attention.too_many_heads.value.effect is Effect.SILENT,
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
        plan_required=plan.missing.value.effect is Effect.ERROR,
        dotted_pipeline=profile.pipeline.lookup.value is Lookup.ATTRGETTER,
        pipeline_inferred=profile.pipeline.names_from.value is StageNames.PLAN_OR_DECODER,
        embed_scale_missing=profile.defects.embed_scale.value.effect is Effect.ERROR,
        embedding_searched=found_by is EmbeddingSearch.VOCABULARY_SIZE,
        kv_head_fields=profile.config.kv_head_fields.value,
        expert_fields=profile.config.expert_fields.value,
        expert_minimum=profile.config.expert_minimum.value,
        replaced=_replaced(profile.modules),
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


def words_of(target: Target) -> Words:
    """How a plan for the target has to spell the styles."""
    served = target.vllm.plan.styles.value
    known = target.transformers.plan.styles.value
    splits_sinks = target.vllm.attention.sinks_unresolved.value.effect is Effect.ERROR
    return Words(
        gathered=_spelt(served, known, Role.COLUMN_GATHERED),
        splitting=_spelt(served, known, Role.ROW_SPLITTING),
        packed_column="packed_colwise" if "packed_colwise" in known else None,
        packed_row="packed_rowwise" if "packed_rowwise" in known else None,
        experts="moe_tp_experts" if "moe_tp_experts" in known else None,
        identity="moe_identity_expert" if "moe_identity_expert" in known else None,
        local="local_params" if splits_sinks else None,
        table=None,
        whole=None,
        gathers_attention=False,
        names_local=False,
    )


def _spelt(served: Mapping[str, LinearKind], known: Collection[str], role: Role) -> str | None:
    """The style of the role that both releases know, else one that vLLM does."""
    names = [style for style, kind in served.items() if kind.value == role]
    return next((name for name in names if name in known), next(iter(names), None))

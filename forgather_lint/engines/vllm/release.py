"""The behaviour of a vLLM release that decides what a plan computes, made from its profile."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import field

from forgather_lint.core.record import record
from forgather_lint.engines.fact import Effect
from forgather_lint.engines.vllm.fact_values import (
    AttentionBinding,
    EmbeddingSearch,
    Fuser,
    Lookup,
    StageNames,
)
from forgather_lint.engines.vllm.matching import VllmKeyMatch
from forgather_lint.engines.vllm.profile import VllmModules, VllmProfile
from forgather_lint.execution.engine import (
    Engine,
    EngineAttention,
    EngineNorms,
    HandedOn,
    PlanReading,
    StageCutting,
)
from forgather_lint.execution.layers import Role
from forgather_lint.execution.replaced import Replaced


@record
class VllmEngine(Engine):
    """The behaviour of a vLLM release; what only its checks and fusers need is in the profile."""

    profile: VllmProfile = field(kw_only=True)

    def fuses(self, fuser: Fuser) -> bool:
        """Whether the release recognises and shards the pattern of `fuser` by itself."""
        return fuser.value in self.profile.fusers.names.value


def engine_of(profile: VllmProfile) -> VllmEngine:
    """What an abstract forward needs to know of the release."""
    plan, attention, pipeline = profile.plan, profile.attention, profile.pipeline
    found_by = profile.modules.embedding_found_by.value
    return VllmEngine(
        plan=PlanReading(
            styles={style: Role(kind.value) for style, kind in plan.styles.value.items()},
            keys=VllmKeyMatch(plan),
            splits_by_head=attention.sinks_unresolved.value.effect is Effect.ERROR,
        ),
        attention=EngineAttention(
            surplus_heads_pass=attention.too_many_heads.value.effect is Effect.SILENT,
            pads_values=attention.value_padded.value,
            of_no_layer=attention.no_attention.value,
        ),
        handed_on=HandedOn(
            attention=attention.binding.value is AttentionBinding.KEYWORD,
            ids=profile.forward.ids_type.value,
        ),
        norms=EngineNorms(
            of_other_width=profile.modules.norm_of_other_width.value,
            of_uneven_shard=profile.modules.norm_of_uneven_shard.value,
        ),
        stages=StageCutting(
            no_list=pipeline.no_list.value,
            several_lists=pipeline.several_lists.value,
            dotted_names=pipeline.lookup.value is Lookup.ATTRGETTER,
            inferred=pipeline.names_from.value is StageNames.PLAN_OR_DECODER,
            embedding_searched=found_by is EmbeddingSearch.VOCABULARY_SIZE,
        ),
        replaced=_replaced(profile.modules),
        profile=profile,
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

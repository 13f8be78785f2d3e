"""What SGLang's Transformers backend does: one record for each file in `data/sglang`."""

# Annotations are read at run time, to check the data against them.

from collections.abc import Mapping
from functools import cached_property

from forgather_lint.core.record import record
from forgather_lint.core.version import Version
from forgather_lint.engines.fact import Fact, Reaction, topic
from forgather_lint.execution.layers import Role


@record
class SglangPlan:
    """`plan.toml`: the tensor parallel plan."""

    styles: Fact[Mapping[str, Role]]
    unknown_style: Fact[Reaction]
    key_prefixes: Fact[tuple[str, ...]]
    missing: Fact[Reaction]


@record
class SglangPipeline:
    """`pipeline.toml`: stages."""

    missing: Fact[Reaction]
    several_lists: Fact[Reaction]
    no_list: Fact[Reaction]


@record
class SglangAttention:
    """`attention.toml`: how attention is bound and what it reads."""

    arguments: Fact[tuple[str, ...]]
    keywords_read: Fact[tuple[str, ...]]
    heads_indivisible: Fact[Reaction]


@record
class SglangLoading:
    """`loading.toml`: who serves an architecture, and where weights go."""

    own_models: Fact[tuple[str, ...]]
    no_model_class: Fact[Reaction]
    not_compatible: Fact[Reaction]
    backend_refused: Fact[Reaction]
    prefixes: Fact[Mapping[str, str]]
    unknown_name: Fact[Reaction]
    norm_epsilon_names: Fact[tuple[str, ...]]


@record
class SglangExperts:
    """`experts.toml`: mixtures of experts."""

    signs: Fact[tuple[str, ...]]
    count_fields: Fact[tuple[str, ...]]
    count_missing: Fact[Reaction]
    choice_fields: Fact[tuple[str, ...]]
    choice_missing: Fact[Reaction]
    width_fields: Fact[tuple[str, ...]]
    width_missing: Fact[Reaction]


@record(slots=False)
class SglangProfile:
    """An SGLang release, known or not; an unknown one is taken to be like the newest before it."""

    version: Version

    @cached_property
    def plan(self) -> SglangPlan:
        return topic(SglangPlan, "sglang/plan", self.version)

    @cached_property
    def pipeline(self) -> SglangPipeline:
        return topic(SglangPipeline, "sglang/pipeline", self.version)

    @cached_property
    def attention(self) -> SglangAttention:
        return topic(SglangAttention, "sglang/attention", self.version)

    @cached_property
    def loading(self) -> SglangLoading:
        return topic(SglangLoading, "sglang/loading", self.version)

    @cached_property
    def experts(self) -> SglangExperts:
        return topic(SglangExperts, "sglang/experts", self.version)

    def __str__(self) -> str:
        return f"sglang=={self.version}"

"""What SGLang's Transformers backend does: one record for each file in `data/sglang`."""

# Annotations are read at run time, to check the data against them.

from collections.abc import Mapping
from functools import cached_property

from forgather_lint.core.record import record
from forgather_lint.core.version import Version
from forgather_lint.engines.fact import Fact, Outcome, topic
from forgather_lint.execution.layers import Role


@record
class SglangPlan:
    """`plan.toml`: the tensor parallel plan."""

    styles: Fact[Mapping[str, Role]]
    unknown_style: Fact[Outcome]
    key_prefixes: Fact[tuple[str, ...]]
    missing: Fact[Outcome]


@record
class SglangPipeline:
    """`pipeline.toml`: stages."""

    missing: Fact[Outcome]
    several_lists: Fact[Outcome]
    no_list: Fact[Outcome]


@record
class SglangAttention:
    """`attention.toml`: how attention is bound and what it reads."""

    arguments: Fact[tuple[str, ...]]
    keywords_read: Fact[tuple[str, ...]]
    heads_indivisible: Fact[Outcome]


@record
class SglangLoading:
    """`loading.toml`: who serves an architecture, and where weights go."""

    own_models: Fact[tuple[str, ...]]
    no_model_class: Fact[Outcome]
    not_compatible: Fact[Outcome]
    backend_refused: Fact[Outcome]
    prefixes: Fact[Mapping[str, str]]
    unknown_name: Fact[Outcome]
    norm_epsilon_names: Fact[tuple[str, ...]]


@record
class SglangExperts:
    """`experts.toml`: mixtures of experts."""

    signs: Fact[tuple[str, ...]]
    count_fields: Fact[tuple[str, ...]]
    count_missing: Fact[Outcome]
    choice_fields: Fact[tuple[str, ...]]
    choice_missing: Fact[Outcome]
    width_fields: Fact[tuple[str, ...]]
    width_missing: Fact[Outcome]


@record(slots=False)
class SglangProfile:
    """An SGLang release, known or not; what it does is what the newest profile up to it says."""

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

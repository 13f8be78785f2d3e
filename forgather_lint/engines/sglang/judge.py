"""The verdict on one model at one pair of sizes; what is not surely the same is undecided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from functools import cached_property

from forgather_lint.core.port import port_of
from forgather_lint.core.record import record
from forgather_lint.core.recursion import deep_recursion
from forgather_lint.documents.model_input import ModelInput
from forgather_lint.engines import api
from forgather_lint.engines.common.element_type import element_type
from forgather_lint.engines.common.model_config import ModelConfig
from forgather_lint.engines.common.subject import HeldParameters, KnownSizes, PlannedModel
from forgather_lint.engines.common.unknown_plans import UnknownPlans
from forgather_lint.engines.sglang.flow import flow_of, spelt
from forgather_lint.engines.sglang.profile import SglangProfile
from forgather_lint.engines.sglang.target import SglangTarget
from forgather_lint.engines.transformers.base_model import (
    build_base,
    merged_plans,
    with_given_plans,
)
from forgather_lint.engines.transformers.environment import environment_beside
from forgather_lint.execution.assignments import Assignment, assign
from forgather_lint.execution.engine import Engine, Heads
from forgather_lint.execution.memory import RankBytes
from forgather_lint.execution.outcome import (
    SERVES,
    Outcome,
    Verdict,
    surely_failing,
    undecided,
    with_branches,
    worst,
)
from forgather_lint.execution.partition import StageParts, parts_of
from forgather_lint.execution.sharded import RankRun, run
from forgather_lint.facts import NotBuilt, Plan, PlanEntry
from forgather_lint.facts.cause import OfEngine
from forgather_lint.facts.causes.placement import (
    HeadsNotByRank,
    ReshapeDoesNotFit,
    SizeDoesNotDivide,
)
from forgather_lint.facts.causes.sglang import PlanMissing, StackMissing
from forgather_lint.facts.causes.stages import NotOneList, SeveralLists
from forgather_lint.model.analysis import builder_of
from forgather_lint.model.tree import class_name
from forgather_lint.python.interpreter.budget import BudgetExceeded
from forgather_lint.python.interpreter.environment import Environment
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.values.objects import ClassValue, Instance
from forgather_lint.python.values.value import Known

NORM = "RMSNorm"
"""The ending of the names of classes whose modules are replaced (`recursive_replace`)."""


@record(frozen=False, eq=False)
class SglangSubject(PlannedModel):
    """A base model as the backend sees it, with `styles` as it looks them up."""

    profile: SglangProfile = field(kw_only=True)


@port_of("sglang/srt/models/transformers.py", "TransformersBase._create_attention_instances")
@port_of("sglang/srt/models/transformers.py", "TransformersBase.pipeline_parallel")
@record(frozen=False, eq=False, slots=False)
class SglangJudge:
    """Judges one model on one release; what several sizes need is computed once."""

    subject: SglangSubject
    dtype: str = "bfloat16"
    _sizes: KnownSizes = field(default_factory=KnownSizes)

    @cached_property
    def engine(self) -> Engine:
        """What an abstract forward needs to know of the release."""
        return flow_of(self.subject.profile)

    @cached_property
    def config(self) -> ModelConfig:
        """The config that the backend reads: of a composite one the text config."""
        subject = self.subject
        config = subject.root.attributes.get("config")
        return ModelConfig.of_text(subject.machine, config, subject.where, subject.config_file)

    @cached_property
    def heads(self) -> Heads | None:
        """The head counts of the attention; None where the config has no numbers."""
        query, width = (self.config.number(n) for n in ("num_attention_heads", "hidden_size"))
        if not query or not width:
            return None
        kv = self._or("num_key_value_heads", query)
        size = self._or("head_dim", width // query)
        return Heads(query, kv, size) if kv and size else None

    def _or(self, name: str, default: int) -> int | None:
        """The number `config.name`; `default` where the config has no such attribute."""
        return default if self.config.setting(name) is None else self.config.number(name)

    def outcome(self, ranks: int, stages: int) -> Outcome:
        """The verdict at one pair of sizes."""
        try:
            return self._outcome(ranks, stages)
        except BudgetExceeded as error:
            return undecided(error.reason, self.subject.where)

    def refused_by_config(self, ranks: int) -> Outcome | None:
        """Nothing: heads that so many ranks do not share out are met when layers are built."""
        return None

    def _outcome(self, ranks: int, stages: int) -> Outcome:
        if self.subject.plans_merged is not True:
            # Then the backend goes on to the plan of the config.
            return undecided("plans-not-merged", self.subject.where)
        unknown = self.subject.plans_unknown.outcome(ranks, stages, self.subject.where)
        if unknown is not None:
            return unknown
        known = self._sizes.on_ranks
        if ranks not in known:
            known[ranks] = self._on_ranks(ranks)
        tensor = known[ranks]
        if tensor.verdict is Verdict.FAILS or stages == 1:
            return tensor
        return worst((self._on_stages(stages), tensor))

    def _on_ranks(self, ranks: int) -> Outcome:
        if ranks > 1 and not self.subject.tensor_plan:
            return self._refused(PlanMissing("tensor"))
        if self.heads is None:
            return undecided("unknown-head-count", self.subject.where)
        try:
            assigned = self.assignments(ranks) if ranks > 1 else {}
        except Raised as error:
            return undecided(error.shown, error.where)
        for count, things in ((self.heads.query, "attention heads"), (self.heads.kv, "KV heads")):
            if count % ranks:
                fact = self.subject.profile.attention.heads_indivisible.value
                text = fact.shown(heads=count, size=ranks)
                where = self.config.place_of(("num_key_value_heads", "num_attention_heads"))
                return Outcome(Verdict.FAILS, SizeDoesNotDivide(count, things), text, where)
        alone = self.alone
        if ranks == 1 or self._alone.outcome.verdict is Verdict.FAILS:
            return alone.proved
        ran = self._run(assigned, ranks)
        if alone.outcome is not SERVES:
            return worst([alone.outcome, self._sure(surely_failing(ran.outcome))])
        return self._sure(with_branches(ran.proved, ran.branches, self.alone.branches))

    @cached_property
    def alone(self) -> RankRun:
        """The outcome on a single rank, with branches that raise there; an error is not proved."""
        ran = self._alone
        outcome = ran.outcome
        if outcome.verdict is not Verdict.SERVES:
            reason = f"forward at size 1: {outcome.reason}"
            outcome = undecided(reason, outcome.where, outcome.module)
        return ran._replace(outcome=outcome)

    @cached_property
    def _alone(self) -> RankRun:
        """The run at size 1 as it ended."""
        return self._run({}, 1)

    def _run(self, assigned: Mapping[Instance, Assignment], ranks: int) -> RankRun:
        subject = self.subject
        return run(
            subject.machine, subject.tree, subject.root, assigned, self.engine, ranks, self.heads
        )

    def _sure(self, outcome: Outcome) -> Outcome:
        """`outcome`; undecided where it lies in the attention or a norm, as the kernels differ."""
        module = self.subject.tree.instances.get(outcome.module)
        in_norm = module is not None and class_name(module).endswith(NORM)
        of_engine = isinstance(outcome.cause, OfEngine | HeadsNotByRank | ReshapeDoesNotFit)
        if outcome.cause is not None and (in_norm or of_engine):
            return undecided(outcome.reason, outcome.where, outcome.module)
        return outcome

    def _refused(self, cause: PlanMissing) -> Outcome:
        subject, profile = self.subject, self.subject.profile
        fact = profile.plan.missing if cause.kind == "tensor" else profile.pipeline.missing
        text = fact.value.shown(type=f"<class '...{class_name(subject.root)}'>")
        return Outcome(Verdict.FAILS, cause, text, subject.where)

    def assignments(self, ranks: int) -> Mapping[Instance, Assignment]:
        """What replaces each Linear, the same at any size."""
        return self._assigned

    @cached_property
    def _assigned(self) -> dict[Instance, Assignment]:
        subject = self.subject
        return assign(subject.machine, subject.tree, subject.tensor_plan, self.engine)

    @property
    def has_stages(self) -> bool:
        """Whether there is a plan by which stages are cut."""
        return bool(self.subject.pipeline_keys)

    @cached_property
    def parts(self) -> StageParts | Outcome:
        """The parts of the model that stages share out, or why there are none."""
        subject = self.subject
        if not subject.pipeline_keys:
            return self._refused(PlanMissing("pipeline"))
        where = subject.pipeline_plan.declared or subject.where
        keys = [key.removeprefix("model.") for key in subject.pipeline_keys]
        try:
            return parts_of(subject.machine, subject.root, keys, self.engine, where)
        except Raised as error:
            if isinstance(error.cause, NotOneList):
                cause = StackMissing(isinstance(error.cause, SeveralLists))
                return Outcome(Verdict.FAILS, cause, error.shown, error.where)
            # A name that is not there is put there on stages that would not have it.
            return undecided(error.shown, error.where)

    def _on_stages(self, stages: int) -> Outcome:
        known = self._sizes.on_stages
        if stages not in known:
            known[stages] = self._cut(stages)
        return known[stages]

    def _cut(self, stages: int) -> Outcome:
        # Only a pipeline pays for these.
        from forgather_lint.execution.stages import Pipeline, run_pipeline

        parts, subject = self.parts, self.subject
        if isinstance(parts, Outcome):
            return parts
        layers = len(parts.layers)
        if layers % stages:
            # The last stages have one more, which no release that was run does.
            return undecided("layers-left-over", subject.where)
        tied = self.config.setting("tie_word_embeddings") == Known(True)
        found = run_pipeline(
            Pipeline(
                machine=subject.machine,
                root=subject.root,
                parts=parts,
                engine=self.engine,
                heads=self.heads,
                layers=layers,
                tied=tied,
            ),
            stages,
        )
        # Placeholders keep the plain attributes of what they stand for.
        serves = found.verdict is Verdict.SERVES
        return SERVES if serves else undecided(found.reason, found.where, found.module)

    def with_plans(self, tensor: Sequence[PlanEntry], pipeline: Plan) -> SglangJudge:
        """A judge of the same model with these plans instead of its own."""
        keys = [entry.full_key for entry in pipeline.entries]
        subject = replace(
            self.subject,
            tensor_plan=normalised(tensor),
            pipeline_plan=pipeline,
            pipeline_keys=keys,
            plans_merged=True,
            plans_unknown=UnknownPlans(),
        )
        return SglangJudge(subject, self.dtype)

    def bytes_per_rank(self, ranks: int, stages: int) -> int | None:
        """The bytes of parameters that the fullest rank holds; None where that is not known."""
        return self._sizes.bytes_per_rank(ranks, stages, self._held)

    def held_on(self, ranks: int) -> RankBytes | None:
        """The bytes that one of `ranks` ranks holds, by parameter; None where not known."""
        return self._sizes.held_on(ranks, self._held)

    def capacity(self, ranks: int, stages: int, device: api.Device) -> api.Capacity:
        """Unknown: what the engine keeps for requests is not modelled."""
        return api.Capacity(self.bytes_per_rank(ranks, stages), unknown="its cache is not modelled")

    def _held(self, ranks: int) -> RankBytes | None:
        assigned = self.assignments(ranks)
        tied = self.config.setting("tie_word_embeddings") == Known(True)
        held = HeldParameters(self.subject.tree, assigned, self.parts)
        return held.on_ranks(ranks, self.dtype, self.config, tied=tied)


PreparedModel = api.PreparedModel[SglangTarget, SglangJudge]
"""A judge for one target, or why it cannot even build the model."""


def normalised(entries: Sequence[PlanEntry]) -> tuple[PlanEntry, ...]:
    """The entries, with their styles as the backend looks them up."""
    return tuple(
        replace(entry, style=spelt(entry.style)) if entry.style is not None else entry
        for entry in entries
    )


def prepare(
    model: ModelInput, target: SglangTarget, dtype: str, environment: Environment | None = None
) -> PreparedModel:
    """Build the base model as `target` would, and merge its plans."""
    beside = environment_beside(target.transformers)
    own = replace(beside, attention="sglang", host="sglang", imports_told=False)
    dtype = element_type(model, dtype).name
    builder = builder_of(model, replace(environment or own, dtype=dtype))
    base = build_base(builder)
    if isinstance(base, NotBuilt):
        return PreparedModel(target, None, base, builder)
    root = base.root
    assert isinstance(root.cls, ClassValue)
    with deep_recursion():
        plans = with_given_plans(merged_plans(builder, root, target.transformers), model)
    subject = SglangSubject(
        profile=target.profile,
        machine=builder.machine,
        tree=base.tree,
        root=root,
        tensor_plan=normalised(plans.tensor),
        pipeline_plan=plans.pipeline,
        pipeline_keys=plans.pipeline_keys,
        where=root.cls.where,
        plans_merged=plans.merged,
        plans_unknown=plans.unknown,
        config_file=builder.config_file,
    )
    return PreparedModel(target, SglangJudge(subject, dtype), None, builder)

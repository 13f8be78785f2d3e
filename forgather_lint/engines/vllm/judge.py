"""The verdict on one model, for one release and one pair of sizes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

from forgather_lint.core.port import port_of
from forgather_lint.core.record import record
from forgather_lint.engines import api
from forgather_lint.engines.common.element_type import ElementType
from forgather_lint.engines.common.rms_norm import is_rms_norm
from forgather_lint.engines.common.subject import HeldParameters, KnownSizes, PlannedModel
from forgather_lint.engines.common.unknown_plans import UnknownPlans
from forgather_lint.engines.fact import Effect
from forgather_lint.engines.vllm.experts import ExpertBlock
from forgather_lint.engines.vllm.fact_values import Fuser, NormSearch
from forgather_lint.engines.vllm.fusers.fused import Fusion
from forgather_lint.engines.vllm.fusers.fusion import (
    fusions,
    require_heads_to_divide,
    traced_alone,
    traced_calls,
    with_fusions,
)
from forgather_lint.engines.vllm.latent import Latent, latents, size_outcome, with_latents
from forgather_lint.engines.vllm.model_config import VllmModelConfig
from forgather_lint.engines.vllm.profile import VllmProfile
from forgather_lint.engines.vllm.release import VllmEngine
from forgather_lint.execution.assignments import Assignment, assign
from forgather_lint.execution.dataflow import Body, Step, graphs, graphs_alone
from forgather_lint.execution.engine import Heads
from forgather_lint.execution.error_causes import is_engines
from forgather_lint.execution.memory import RankBytes
from forgather_lint.execution.norms import NO_NORMS, Norms
from forgather_lint.execution.outcome import (
    SERVES,
    Outcome,
    Verdict,
    surely_failing,
    undecided,
    undecided_error,
    with_branches,
    worst,
)
from forgather_lint.execution.partition import (
    StageParts,
    decoder_of,
    holds_table,
    inferred_keys,
    parts_of,
)
from forgather_lint.execution.sharded import RankRun, run, runs_alone
from forgather_lint.facts import Plan, PlanEntry
from forgather_lint.facts.cause import OfEngine
from forgather_lint.facts.causes.placement import (
    CacheNotDivided,
    KvHeadsDoNotDivide,
    NoTensorPlan,
    RaisesOnRank,
    SizeDoesNotDivide,
)
from forgather_lint.facts.causes.running import BehindAttention, ElementTypesDiffer, ForwardRaises
from forgather_lint.facts.causes.stages import (
    EmbedScaleNotSet,
    EntryNamesNoModule,
    NoPipelinePlan,
    NotOneList,
)
from forgather_lint.model.tree import class_name
from forgather_lint.python.interpreter.budget import BudgetExceeded
from forgather_lint.python.interpreter.environment import Environment
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import Known

if TYPE_CHECKING:
    from forgather_lint.engines.vllm.moe.weights import ExpertSizes
    from forgather_lint.engines.vllm.quantized.layers import Quantized
    from forgather_lint.engines.vllm.quantized.scheme import Unfollowed
    from forgather_lint.execution.stages import Pipeline


@record(frozen=False, eq=False)
class VllmSubject(PlannedModel):
    """A base model as one release of vLLM sees it.

    `experts` are the blocks whose experts the release replaces and shards itself; `bodies` are,
    where there are such blocks, the graphs of the model with its own experts.
    """

    engine: VllmEngine = field(kw_only=True)
    experts: tuple[ExpertBlock, ...] = ()
    bodies: Mapping[Instance, Body] | None = None


@port_of("vllm/model_executor/models/transformers/base.py", "Base._create_attention_instances")
def _looks_both_ways(attention: Instance) -> bool:
    """Whether a module is marked as not causal: such a model is served as an encoder."""
    return attention.attributes.get("is_causal") == Known(False)


_OF_NO_PLAN = ("norms", "latents", "attended", "bodies", "_traced", "config", "heads")
"""The cached properties that do not depend on the plans of a model."""


@record(frozen=False, eq=False, slots=False)
class VllmJudge:
    """Judges one model on one release; what several sizes need is computed once."""

    subject: VllmSubject
    element_type: ElementType
    quantized: Quantized | Unfollowed | None = None
    _assigned: dict[int, dict[Instance, Assignment]] = field(default_factory=dict)
    _grouped: dict[int, dict[Instance, Fusion]] = field(default_factory=dict)
    _cut: Pipeline | None = None
    _sizes: KnownSizes = field(default_factory=KnownSizes)

    @property
    def dtype(self) -> str:
        """The dtype in which the model is loaded."""
        return self.element_type.name

    @property
    def engine(self) -> VllmEngine:
        """What an abstract forward needs to know of the release."""
        return self.subject.engine

    @property
    def profile(self) -> VllmProfile:
        """All facts about the release."""
        return self.subject.engine.profile

    def outcome(self, ranks: int, stages: int) -> Outcome:
        """The verdict at one pair of sizes: the first axis that does not serve decides."""
        try:
            return self._outcome(ranks, stages)
        except BudgetExceeded as error:
            return undecided(error.reason, self.subject.where)

    def _outcome(self, ranks: int, stages: int) -> Outcome:
        if self.subject.plans_merged is None:
            return undecided("post-init-by-condition", self.subject.where)
        subject = self.subject
        unknown = subject.plans_unknown.outcome(ranks, stages, subject.where)
        if unknown is not None:
            return worst((self.tensor_outcome(1), unknown))
        tensor = self.tensor_outcome(ranks)
        if tensor.verdict is Verdict.FAILS or stages == 1:
            return tensor
        pipeline = self.pipeline_outcome(stages)
        return worst((pipeline, tensor))

    def tensor_outcome(self, ranks: int) -> Outcome:
        """The verdict on `ranks` ranks, without a pipeline."""
        known = self._sizes.on_ranks
        if ranks not in known:
            found = self._on_ranks(ranks)
            known[ranks] = self.alone.unproved or found if found is SERVES else found
        return known[ranks]

    def _on_ranks(self, ranks: int) -> Outcome:
        refused = self._refused(ranks)
        if refused is not None:
            return refused
        try:
            assigned = self.assignments(ranks) if ranks > 1 else {}
        except Raised as error:
            cause = error.cause or RaisesOnRank()
            return Outcome(Verdict.FAILS, cause, error.shown, error.where)
        except BudgetExceeded as error:
            return undecided(error.reason, self.subject.where)
        shared = self._heads_shared(ranks) or self._experts_shared(ranks)
        if shared is not None:
            return shared
        stored = self._quantized_outcome(ranks)
        if stored is not None and stored.verdict is Verdict.FAILS:
            return stored
        alone = worst([self.alone.outcome, *([stored] if stored is not None else [])])
        if ranks == 1 or not self._runs_on_ranks:
            return alone
        # What is wrong on one rank, or undecided, may not even run on several.
        return worst([alone, self._on(ranks, assigned)])

    @property
    def _runs_on_ranks(self) -> bool:
        """Whether a run on several ranks may tell more than the one on one rank has told."""
        found = self.alone.outcome.verdict
        return found is not Verdict.FAILS and not (found is Verdict.UNKNOWN and self._not_modelled)

    @property
    def _not_modelled(self) -> bool:
        """Whether the model's attention is one that the release takes over in ways not modelled."""
        return self.config.latent and not self.engine.fuses(Fuser.LATENT)

    def _on(self, ranks: int, assigned: dict[Instance, Assignment]) -> Outcome:
        subject = self.subject
        machine, engine, heads = subject.machine, self.engine, self.attended
        ran = run(
            machine,
            subject.tree,
            subject.root,
            assigned,
            engine,
            ranks,
            heads,
            self._world,
            self.norms,
        )
        alone = self.alone
        if alone.outcome.verdict is Verdict.UNKNOWN:
            return surely_failing(ran.outcome)
        outcome = with_branches(ran.proved, ran.branches, alone.branches)
        return worst([outcome, *self._summed_by_ranks(ranks, assigned)])

    def _summed_by_ranks(
        self, ranks: int, assigned: dict[Instance, Assignment]
    ) -> Iterator[Outcome]:
        """What layers of experts add up more than once."""
        subject = self.subject
        if not subject.experts:
            return
        # Only a mixture of experts pays for this.
        from forgather_lint.engines.vllm.moe.ranks import summed_by_ranks

        groups = self.groups(ranks) if self.engine.fuses(Fuser.GLU) else {}
        once = self.profile.experts.shared_summed_once.value
        for block in subject.experts:
            found = summed_by_ranks(
                subject.machine, block, self.bodies, assigned, groups, shared_once=once
            )
            if found is not None:
                yield found

    @cached_property
    def norms(self) -> Norms:
        """The norms that the release replaces."""
        from_config = self.profile.modules.norm_width_from_config.value
        width = self.config.number("hidden_size") if from_config else None
        kinds = {each.first_alike for each in self.subject.tree.instances.values()}
        return Norms(frozenset(filter(self._is_norm, kinds)), width)

    @property
    def _finds_norms(self) -> bool:
        found_by = self.profile.modules.norm_found_by.value
        return found_by in (NormSearch.CLASS_NAME, NormSearch.DATAFLOW)

    def _is_norm(self, module: Instance) -> bool:
        """Whether the release takes `module` for an RMS norm, and replaces it."""
        facts = self.profile.modules
        if facts.norm_found_by.value is NormSearch.CLASS_NAME:
            return class_name(module).endswith("RMSNorm")
        if facts.norm_found_by.value is not NormSearch.DATAFLOW:
            return False
        body, power = self.bodies.get(module.first_alike), facts.norm_power_recognised.value
        return is_rms_norm(self.subject.machine, module, body, power=power)

    @cached_property
    def latents(self) -> dict[Instance, Latent]:
        """The kinds of module whose latent attention the release replaces as a whole."""
        if not self.engine.fuses(Fuser.LATENT) or not self.config.latent:
            return {}
        return latents(self.subject.machine, self.bodies, self.engine, self.norms)

    @cached_property
    def attended(self) -> Heads | None:
        """The head counts that the engine reads, with the sizes of latent attention."""
        return with_latents(self.heads, self.config, self.latents)

    @cached_property
    def alone(self) -> RankRun:
        """The outcome on a single rank, with those of branches that raise there."""
        ran = self._ran_alone
        found = worst([ran.outcome, *(block.contract for block in self.subject.experts)])
        if found.verdict is Verdict.FAILS and not is_engines(found):
            found = self._explained(found)
        return RankRun(found, ran.branches, ran.unproved)

    @property
    def _ran_alone(self) -> RankRun:
        """The forward on a single rank, if it serves with the attention over compressed keys."""
        try:
            planned = self.planned
        except (Raised, BudgetExceeded):
            planned = {}
        ran = self._run_alone(planned, NO_NORMS)
        if self._finds_norms and any(map(self.norms.has, ran.retyped)):
            ran = self._run_alone(planned, self.norms)
        if ran.outcome is SERVES and self.latents and not any(map(_looks_both_ways, self.latents)):
            found = size_outcome(self.config, self.engine, self.latents)
            return RankRun(found, ran.branches, ran.unproved)
        return ran

    def _run_alone(self, planned: Mapping[Instance, Assignment], norms: Norms) -> RankRun:
        subject = self.subject
        return run(
            subject.machine,
            subject.tree,
            subject.root,
            planned,
            self.engine,
            1,
            self.attended,
            self._world,
            norms,
        )

    @property
    def _world(self) -> Environment:
        """What the model finds while it runs: its type decides if somebody has named it."""
        world = self.subject.machine.environment
        return replace(world, dtype_named=self.element_type.named)

    def _explained(self, failure: Outcome) -> Outcome:
        """An error on a single rank, with its cause: the engine's attention or the model."""
        if self._not_modelled:
            reason = f"forward raises at size 1: {failure.reason}"
            return undecided(reason, failure.where, met=failure.met)
        if isinstance(failure.cause, OfEngine | ElementTypesDiffer):
            return failure
        by_engine = runs_alone(self.subject.machine, self.subject.root)
        return replace(failure, cause=BehindAttention() if by_engine else ForwardRaises())

    @port_of("vllm/config/model.py", "ModelConfig.verify_with_parallel_config")
    def refused_by_config(self, ranks: int) -> Outcome | None:
        """Heads that so many ranks do not share out evenly."""
        heads = self.heads
        if heads is None or heads.query % ranks == 0:
            return None
        fact = self.profile.config.heads_indivisible
        text = fact.value.shown(heads=heads.query, size=ranks)
        cause = SizeDoesNotDivide(heads.query, "attention heads")
        return Outcome(Verdict.FAILS, cause, text, self.subject.where)

    @port_of("vllm/config/model.py", "ModelConfig.verify_with_parallel_config")
    def refused_by_context(self, ranks: int, shared: int) -> Outcome | None:
        """Heads that leave no `shared` ranks of `ranks` with the same ones, to divide tokens."""
        heads, facts = self.heads, self.profile.config
        if heads is None or heads.query % ranks or not heads.uniform or self.config.latent:
            return None
        most, each = ranks // heads.kv, heads.query // heads.kv
        parts = {"size": ranks, "heads": heads.kv, "shared": shared, "most": most, "each": each}
        if ranks <= heads.kv:
            fact = facts.context_without_copies
        elif shared > most:
            fact = facts.context_beyond_copies
        elif each % shared:
            fact = facts.context_heads_uneven
        else:
            return None
        if fact.value.effect is not Effect.ERROR:
            return None
        where = self.config.place_of(facts.kv_head_fields.value)
        cause = CacheNotDivided(shared, heads.kv)
        return Outcome(Verdict.FAILS, cause, fact.value.shown(**parts), where)

    def _refused(self, ranks: int) -> Outcome | None:
        """What the engine refuses before it builds a layer; None if nothing."""
        refused = self.refused_by_config(ranks)
        if refused is not None:
            return refused
        missing = self.profile.plan.missing.value
        if ranks > 1 and missing.effect is Effect.ERROR and not self.subject.tensor_plan:
            title = f"<class '...{class_name(self.subject.root)}'>"
            text = missing.shown(type=title, tip="")
            return Outcome(Verdict.FAILS, NoTensorPlan(), text, self.subject.where)
        return None

    def _heads_shared(self, ranks: int) -> Outcome | None:
        """What the attention layer requires of the head counts on a rank; None if it is met."""
        heads, fact = self.heads, self.profile.attention.heads_per_kv_uneven.value
        if heads is None or not heads.uniform or fact.effect is not Effect.ERROR:
            return None
        query, kv = heads.query // ranks, max(1, heads.kv // ranks)
        if query % kv == 0:
            return None
        text = fact.shown(heads=query, kv_heads=kv)
        where = self.config.place_of(self.profile.config.kv_head_fields.value)
        return Outcome(Verdict.FAILS, KvHeadsDoNotDivide(query, kv), text, where)

    @port_of("vllm/model_executor/layers/fused_moe/config.py", "FusedMoEConfig.__post_init__")
    def _experts_shared(self, ranks: int) -> Outcome | None:
        """The width of experts that the ranks cannot share out; None where they can."""
        facts = self.profile.experts
        fact, width = facts.width_indivisible.value, self.expert_sizes and self.expert_sizes.width
        if not width or width % ranks == 0 or fact.effect is not Effect.ERROR:
            return None
        where = self.config.place_of(facts.width_fields.value)
        cause = SizeDoesNotDivide(width, "columns of an expert")
        return Outcome(Verdict.FAILS, cause, fact.shown(), where)

    @cached_property
    def expert_sizes(self) -> ExpertSizes | None:
        """The sizes with which the release makes its layers of experts; None if there are none."""
        if not self.subject.experts:
            return None
        # Only a mixture of experts pays for this.
        from forgather_lint.engines.vllm.moe.engine_routing import EngineRouting

        fields = self.profile.config.expert_fields.value
        return EngineRouting(self.profile.experts, self.config, fields).sizes

    def _quantized_outcome(self, ranks: int) -> Outcome | None:
        """The verdict on quantized layers; None if they serve or there are none."""
        if self.quantized is None:
            return None
        # Few models pay for these.
        from forgather_lint.engines.vllm.quantized.layers import Quantized
        from forgather_lint.engines.vllm.quantized.verdict import judged

        found = self.quantized
        return judged(self, found, ranks) if isinstance(found, Quantized) else None

    def assignments(self, ranks: int) -> dict[Instance, Assignment]:
        """What replaces each Linear on so many ranks."""
        found = self._assigned.get(ranks)
        if found is None:
            found = self._assigned[ranks] = self._assign(ranks)
        return found

    def _assign(self, ranks: int) -> dict[Instance, Assignment]:
        subject = self.subject
        if ranks == 1 or not self.engine.fuses(Fuser.GLU):
            return self.planned
        groups = self.groups(ranks)
        for group in groups.values():
            require_heads_to_divide(group, self.engine, ranks)
        return with_fusions(self.planned, subject.tree, self.bodies, groups)

    def groups(self, ranks: int) -> dict[Instance, Fusion]:
        """What the release shards by itself in each kind of module."""
        if ranks not in self._grouped:
            machine, engine = self.subject.machine, self.engine
            self._grouped[ranks] = fusions(
                machine, self.bodies, self._traced, engine, self.heads, ranks, self.latents
            )
        return self._grouped[ranks]

    @cached_property
    def _traced(self) -> dict[Instance, list[Step]]:
        return traced_calls(self.subject.machine, self.bodies)

    @cached_property
    def planned(self) -> dict[Instance, Assignment]:
        """What the plan alone assigns to each Linear, at any size."""
        subject = self.subject
        return assign(subject.machine, subject.tree, subject.tensor_plan, self.engine)

    @cached_property
    def bodies(self) -> dict[Instance, Body]:
        """The graph of each kind of module, for the fusers, also of those that nothing calls."""
        subject, engine = self.subject, self.engine
        if self.config.latent:
            # The heads of the config are not those of the expanded keys.
            engine = replace(engine, attention=None)
        called = subject.bodies
        try:
            if called is None:
                called = graphs(subject.machine, subject.root, engine, self.heads)
        except Raised:
            return {}
        alone = traced_alone(subject.machine, subject.tree, called)
        return {**graphs_alone(subject.machine, alone, engine, self.heads), **called}

    @cached_property
    def config(self) -> VllmModelConfig:
        """The config that the engine reads: of a composite one the text config."""
        subject = self.subject
        config = subject.root.attributes.get("config")
        return VllmModelConfig.of_text(subject.machine, config, subject.where, subject.config_file)

    @cached_property
    def heads(self) -> Heads | None:
        """The head counts that the engine reads from the config."""
        return self.config.heads(self.engine)

    def pipeline_outcome(self, stages: int) -> Outcome:
        """The verdict on `stages` stages, each on one rank."""
        if stages == 1:
            return SERVES
        parts = self.parts
        if isinstance(parts, Outcome):
            return parts
        known = self._sizes.on_stages
        if stages not in known:
            known[stages] = self._on_stages(parts, stages)
        return known[stages]

    def _defect(self, parts: StageParts, stages: int) -> Outcome | None:
        """vLLM 0.11.1 to 0.16: only a stage that has the embedding sets `embed_scale`.

        An embedding that no plan entry names is on every stage.
        """
        defect = self.profile.defects.embed_scale.value
        if defect.effect is not Effect.ERROR or (self.config.tied and stages == 2):
            return None
        if not holds_table(self.subject.machine, self.subject.tree, parts.before):
            return None
        return Outcome(Verdict.FAILS, EmbedScaleNotSet(), defect.shown(), self.subject.where)

    def _on_stages(self, parts: StageParts, stages: int) -> Outcome:
        # Only a pipeline pays for these.
        from forgather_lint.execution.stage_embedding import embedding_unreachable
        from forgather_lint.execution.stages import run_pipeline

        pipeline = self._pipeline(parts)
        # In the order of the engine: it asks while it builds, and meets its defect when it runs.
        refused = embedding_unreachable(pipeline, stages) or self._defect(parts, stages)
        return refused or run_pipeline(pipeline, stages)

    def _pipeline(self, parts: StageParts) -> Pipeline:
        """The pipeline, which all numbers of stages share."""
        from forgather_lint.execution.stages import Pipeline

        if self._cut is None:
            subject = self.subject
            self._cut = Pipeline(
                machine=subject.machine,
                root=subject.root,
                parts=parts,
                engine=self.engine,
                heads=self.heads,
                layers=len(parts.layers),
                tied=self.config.tied,
            )
        return self._cut

    @cached_property
    def parts(self) -> StageParts | Outcome:
        """The parts of the model that stages share out, or why there are none."""
        subject = self.subject
        keys = list(subject.pipeline_keys)
        where, title = subject.pipeline_plan.declared or subject.where, ""
        if not keys:
            if not self.engine.stages.inferred:
                title = f"<class '...{class_name(subject.root)}'>"
                text = self.engine.stages.no_list.shown(type=title)
                return Outcome(Verdict.FAILS, NoPipelinePlan(), text, subject.where)
            decoder = decoder_of(subject.machine, subject.root)
            if decoder is None:
                return undecided("decoder-not-known", subject.where)
            keys = inferred_keys(subject.machine, subject.tree, decoder)
            title = class_name(decoder)
        try:
            return parts_of(subject.machine, subject.root, keys, self.engine, where, title)
        except Raised as error:
            if error.doubt is not None:
                return undecided_error(error)
            if title and isinstance(error.cause, NotOneList):
                return Outcome(Verdict.FAILS, NoPipelinePlan(), error.shown, error.where)
            cause = error.cause if isinstance(error.cause, NotOneList) else EntryNamesNoModule()
            return Outcome(Verdict.FAILS, cause, error.shown, error.where)

    @property
    def has_stages(self) -> bool:
        """Whether there is a plan, or something in its place, by which stages are cut."""
        return bool(self.subject.pipeline_keys) or self.engine.stages.inferred

    def with_plans(self, tensor: Sequence[PlanEntry], pipeline: Plan) -> VllmJudge:
        """A judge of the same model with these plans instead of its own."""
        keys = [entry.full_key for entry in pipeline.entries]
        subject = replace(
            self.subject,
            tensor_plan=tensor,
            pipeline_plan=pipeline,
            pipeline_keys=keys,
            plans_unknown=UnknownPlans(),
        )
        judge = VllmJudge(subject, self.element_type, self.quantized, _grouped=self._grouped)
        known = {name: self.__dict__[name] for name in _OF_NO_PLAN if name in self.__dict__}
        judge.__dict__.update(known)
        return judge

    def bytes_per_rank(self, ranks: int, stages: int) -> int | None:
        """The bytes of parameters that the fullest rank holds; None where that is not known."""
        return self._sizes.bytes_per_rank(ranks, stages, self._held)

    def held_on(self, ranks: int) -> RankBytes | None:
        """The bytes that one of `ranks` ranks holds, by parameter; None where not known."""
        return self._sizes.held_on(ranks, self._held)

    def bytes_by_stage(self, ranks: int, stages: int) -> list[int] | None:
        """The bytes of parameters on the fullest rank of each stage; None where not known."""
        held = self._sizes.held_on(ranks, self._held)
        return held.by_stage(stages) if held is not None else None

    def capacity(self, ranks: int, stages: int, device: api.Device) -> api.Capacity:
        """The use of a device's memory, and what fits into the KV cache."""
        from forgather_lint.engines.vllm.capacity import capacity  # only who tells the memory pays

        try:
            return capacity(self, ranks, stages, device)
        except (Raised, BudgetExceeded):
            return api.Capacity(unknown="the config is not known")

    @cached_property
    def attends_both_ways(self) -> bool:
        """Whether vLLM takes the model for an encoder: one of its modules is not causal."""
        whole = self.config.config is self.config.whole
        return whole and any(map(_looks_both_ways, self.subject.tree.instances.values()))

    def _held(self, ranks: int) -> RankBytes | None:
        return self.stored_on(ranks, MappingProxyType({}), tied=self.config.tied)

    def stored_on(self, ranks: int, widths: Mapping[str, int], *, tied: bool) -> RankBytes | None:
        """The bytes that a rank holds if elements of parameters have these `widths` in bytes."""
        try:
            assigned = self.assignments(ranks)
            stored = self._stored(ranks)
        except (Raised, BudgetExceeded):
            return None
        if self.quantized is not None and stored is None:
            return None
        fused = tuple(f"{block.name}." for block in self.subject.experts)
        held = HeldParameters(self.subject.tree, assigned, self.parts, fused, stored)
        return held.on_ranks(ranks, self.dtype, self.config, tied=tied, widths=widths)

    def _stored(self, ranks: int) -> Mapping[str, int] | None:
        """The bytes on a rank of quantized weights; None where there are none, or not known."""
        if self.quantized is None:
            return None
        # Few models pay for these.
        from forgather_lint.engines.vllm.quantized.layers import Quantized
        from forgather_lint.engines.vllm.quantized.tensors import bytes_on

        found = self.quantized
        return bytes_on(self, found, ranks) if isinstance(found, Quantized) else None

"""Whether a release computes the same as the model with a block of experts.

Where it replaces the forward of the whole block, the model's own router is lost: scoring, order and
factor come from the config or are guessed, and anything else in the block is left out. Elsewhere
only the experts are replaced, and called with the engine's parameter names. In both cases the
forward of the experts themselves is lost. Source: vllm/model_executor/models/transformers/moe.py
and fusers/moe.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.engines.vllm.moe.engine_routing import EngineRouting
from forgather_lint.engines.vllm.moe.fuser import ReplacedBlock
from forgather_lint.engines.vllm.moe.groups import Groups
from forgather_lint.engines.vllm.moe.layer import ExpertLayer, ExpertRole, Stray
from forgather_lint.engines.vllm.moe.routing import (
    NEGLIGIBLE,
    BlockOutput,
    Unmatched,
    is_input,
    linear_factor,
    read_output,
    read_routing,
    reads,
    unscaled,
)
from forgather_lint.engines.vllm.moe.weights import may_be_transposed, misfit
from forgather_lint.execution.dataflow import Body
from forgather_lint.execution.outcome import SERVES, Outcome, Verdict, undecided
from forgather_lint.execution.terms import Term, Terms, peeled
from forgather_lint.facts.cause import Cause
from forgather_lint.facts.causes.experts import (
    ExpertsCallMisread,
    ExpertsComputeOtherwise,
    ExpertWeightsLost,
    RouterReplaced,
)
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import TensorValue

_PARAMETERS = ("hidden_states", "topk_ids", "topk_weights")
"""The parameters of the engine's layer (`TransformersMoERunner.forward`)."""


@record
class Call:
    """The call of the experts: the terms of the layer's inputs."""

    term: Term
    hidden: Term
    index: Term
    weights: Term


@record(frozen=False, eq=False, slots=False)
class Contract:
    """One block, as its forward ran with the model's own experts."""

    name: str
    body: Body
    experts: Instance
    bodies: Mapping[Instance, Body]
    engine: EngineRouting
    _layer: Outcome | None = field(default=None)

    def outside(self) -> Outcome:
        """The outcome where the block itself routes, and calls the engine's layer."""
        terms = Terms(self.body, self.bodies, {self.experts})
        term = terms.call_of(self.experts)
        if term is None and any(step.module is self.experts for step in self.body.steps):
            return self._unknown("experts-called-twice", self.body.owner.where)
        if term is None:
            return SERVES  # whatever it does with a list that is gone raises where it does it
        call = self._bound(term)
        if isinstance(call, Outcome):
            return call
        return self._misread(call) or self._weights() or self._experts(call)

    def inside(self, replaced: ReplacedBlock) -> Outcome:
        """The outcome where the engine's layer routes, and the forward of the block is lost."""
        router = self.body.owner.attributes[replaced.router.name]
        assert isinstance(router, Instance)
        opaque = {
            child
            for child in self.body.owner.attributes.values()
            if isinstance(child, Instance) and child is not router
        }
        terms = Terms(self.body, self.bodies, opaque)
        term, result = terms.call_of(self.experts), terms.result()
        if term is None:
            return self._unknown("experts-picked-one-by-one", self.body.owner.where)
        call = _by_kind(term)
        if call is None:
            return self._unknown("unrecognised-experts-call", term.where)
        return (
            self._routing(call, router, replaced, result) or self._weights() or self._experts(call)
        )

    def _routing(
        self, call: Call, router: Instance, replaced: ReplacedBlock, result: Term
    ) -> Outcome | None:
        """How the engine's weights or additions differ; None when they do not."""
        output, given = read_output(result, call.term), peeled(call.hidden)
        if isinstance(output, Unmatched):
            return self._unmatched(output, "block-not-compared")
        if not is_input(given):
            return self._unknown("block-not-compared", call.term.where)
        added = self._added(output, replaced, given, call)
        if added is not None:
            return added
        if not replaced.router.scoring:
            return None  # the router stays, and nothing but a shared expert moves
        return self._weighed(call, router, replaced, output, given)

    def _weighed(
        self,
        call: Call,
        router: Instance,
        replaced: ReplacedBlock,
        output: BlockOutput,
        given: Term,
    ) -> Outcome | None:
        """How the engine weighs the experts otherwise; None when it does not."""
        found = read_routing(call.weights, call.index)
        if isinstance(found, Unmatched):
            return self._unmatched(found, "router-not-compared")
        sharpness = linear_factor(found.logits, router, given)
        if sharpness is None:
            return self._unknown("router-not-compared", found.logits.where or call.term.where)
        ours = found.routing.times(output.factor, sharpness)
        theirs = self.engine.of(replaced.router, router, self.body.owner.where)
        if isinstance(theirs, Outcome):
            return theirs
        differences = ours.differences(theirs)
        if not differences:
            return None
        text = ", ".join(_told(ours, theirs, name) for name in differences)
        where = call.weights.where or call.term.where
        return self._wrong(RouterReplaced(text), where)

    def _added(
        self, output: BlockOutput, replaced: ReplacedBlock, given: Term, call: Call
    ) -> Outcome | None:
        """What the block adds to its experts, if the engine adds something else; else None."""
        owner, shared = self.body.owner, output.shared
        if shared is not None and is_input(shared):
            text = "the block adds its input to the experts, vLLM does not"
            return self._wrong(RouterReplaced(text), call.term.where)
        if abs(output.shared_factor - 1) > NEGLIGIBLE:
            text = f"the block adds {output.shared_factor:g} times its shared expert, vLLM once"
            return self._wrong(RouterReplaced(text), call.term.where)
        pairs = ((output.shared, replaced.shared), (output.gate, replaced.shared_gate))
        for term, name in pairs:
            module = owner.attributes.get(name) if name is not None else None
            if (term.owner if term is not None else None) is not module:
                where = term.where if term is not None else owner.where
                return self._unknown("shared-expert-not-compared", where)
            if term is None or reads(term, given):
                continue
            if len(term.inputs) == 1 and unscaled(term.inputs[0])[0] is given:
                text = "the shared expert gets a multiple of the input of the block"
                return self._wrong(RouterReplaced(text), term.where)
            return self._unknown("shared-expert-not-compared", term.where)
        return None

    def _bound(self, term: Term) -> Call | Outcome:
        """The arguments as the engine's layer binds them."""
        given = dict(zip(_PARAMETERS, term.positional, strict=False))
        extra = term.positional[len(_PARAMETERS) :]
        twice = next((name for name in given if name in term.keywords), None)
        title = self.engine.layer
        if extra or twice:
            text = f"got multiple values for argument '{twice}'"
            if extra:
                count = len(term.positional) + 1
                text = f"takes 4 positional arguments but {count} were given"
            return self._raises(f"TypeError: {title}.forward() {text}", term)
        given |= {name: term.keywords[name] for name in _PARAMETERS if name in term.keywords}
        missing = [name for name in _PARAMETERS if name not in given]
        if missing:
            text = _missing(missing)
            return self._raises(f"TypeError: {title}.forward() {text}", term)
        return Call(term, *(given[name] for name in _PARAMETERS))

    def _misread(self, call: Call) -> Outcome | None:
        """The argument that the engine takes for another one; None when there is none."""
        index, weights = call.index.value, call.weights.value
        if not isinstance(index, TensorValue) or not isinstance(weights, TensorValue):
            return self._unknown("unrecognised-experts-call", call.term.where)
        if _is_whole(index) is False or _is_whole(weights) is True:
            text = "the chosen experts are passed where vLLM takes their weights"
            return self._wrong(ExpertsCallMisread(text), call.term.where)
        if index.shape is None or weights.shape is None or _is_whole(index) is None:
            return self._unknown("unrecognised-experts-call", call.term.where)
        if len(index.shape) != 2 or len(weights.shape) != 2 or index.shape[-1] is None:
            return self._unknown("unrecognised-experts-call", call.term.where)
        if index.shape[-1] != weights.shape[-1]:
            text = (
                f"{weights.shape[-1]} weights a token are passed for {index.shape[-1]} "
                "chosen experts"
            )
            return self._wrong(ExpertsCallMisread(text), call.term.where)
        if index.shape[-1] != self.engine.top_k:
            return self._unknown("another-number-of-experts", call.term.where)
        return None

    def _weights(self) -> Outcome | None:
        """What becomes of weights that the layer does not load; None when it loads all."""
        if self.engine.facts.transposed_read.value and may_be_transposed(self.experts):
            return self._unknown("transposed-experts", self.experts.where)
        found = misfit(self.experts, self.engine.sizes)
        if found is None:
            return None
        holder, _, last = found.name.rpartition(".")
        where = self._held(holder).places.get(last, self.experts.where)
        if found.error:
            return self._fails(ExpertWeightsLost(found.name), found.error, where)
        if found.reason == "name" and self.engine.facts.names_ignored.value:
            return self._wrong(ExpertWeightsLost(found.name), where)
        return self._unknown(found.reason, where)

    def _held(self, path: str) -> Instance:
        """The module that the experts hold under a dotted name."""
        here = self.experts
        for name in path.split(".") if path else ():
            inner = here.attributes.get(name)
            if not isinstance(inner, Instance):
                break
            here = inner
        return here

    def _experts(self, call: Call) -> Outcome:
        """How the experts' forward differs from the engine's layer."""
        body = self.bodies.get(self.experts.first_alike)
        if body is None:
            return self._unknown("experts-not-run", self.experts.where)
        roles = {
            call.hidden: ExpertRole.HIDDEN,
            call.index: ExpertRole.CHOICE,
            call.weights: ExpertRole.WEIGHTS,
        }
        given = dict[int, ExpertRole]()
        for place, term in enumerate(call.term.inputs):
            if term in roles:
                given[place] = roles[term]
        stray = ExpertLayer(given).verdict(Terms(body, self.bodies).result())
        if stray is None:
            return SERVES
        return self._strayed(stray)

    def _strayed(self, stray: Stray) -> Outcome:
        where = stray.term.where or self.experts.where
        if stray.wrong:
            return self._wrong(ExpertsComputeOtherwise(stray.wrong), where)
        return self._unknown("experts-not-compared", where)

    def _raises(self, text: str, term: Term) -> Outcome:
        return self._fails(ExpertsCallMisread(), text, term.where)

    def _unmatched(self, found: Unmatched, reason: str) -> Outcome:
        return self._unknown(reason, found.term.where)

    def _unknown(self, reason: str, where: Place | None) -> Outcome:
        return undecided(reason, where or self.body.owner.where, self.name)

    def _wrong(self, cause: Cause, where: Place | None) -> Outcome:
        where = where or self.body.owner.where
        return Outcome(Verdict.WRONG, cause, cause.told, where, None, self.name)

    def _fails(self, cause: Cause, text: str, where: Place | None) -> Outcome:
        where = where or self.body.owner.where
        return Outcome(Verdict.FAILS, cause, text, where, None, self.name)


def _by_kind(term: Term) -> Call | None:
    """The arguments by their kind: integers are the choice, the others in order."""
    tensors = [each for each in term.inputs if isinstance(each.value, TensorValue)]
    whole = [each for each in tensors if _is_whole(each.value) is True]
    others = [each for each in tensors if _is_whole(each.value) is not True]
    if len(whole) != 1 or len(others) != 2:
        return None
    return Call(term, others[0], whole[0], others[1])


def _is_whole(value: object) -> bool | None:
    """Whether a tensor has integers; None where its dtype is not known."""
    dtype = value.dtype if isinstance(value, TensorValue) else None
    if dtype is None:
        return None
    return dtype.startswith(("int", "uint"))


def _missing(names: list[str]) -> str:
    """Python's error for a call that lacks these arguments."""
    quoted = [f"'{name}'" for name in names]
    if len(quoted) == 1:
        return f"missing 1 required positional argument: {quoted[0]}"
    listed = ", ".join(quoted[:-1]) + (", and " if len(quoted) > 2 else " and ") + quoted[-1]
    return f"missing {len(quoted)} required positional arguments: {listed}"


def _groups(groups: Groups | None) -> str:
    if groups is None:
        return "all experts"
    return f"{groups.chosen} of {groups.count} groups, each as good as {groups.by}"


def _told(ours: object, theirs: object, name: str) -> str:
    here, there = getattr(ours, name), getattr(theirs, name)
    words = {
        "renormalized": ("weights that sum to one", "weights as they are scored"),
    }
    if name in words:
        yes, no = words[name]
        return f"the router makes {yes if here else no}, vLLM {yes if there else no}"
    if name == "factor":
        return f"the router multiplies by {here:g}, vLLM by {there:g}"
    if name == "sharpness":
        return f"the logits are multiplied by {here:g}, in vLLM by {there:g}"
    if name == "top_k":
        return f"the router chooses {here} experts, vLLM {there}"
    if name == "groups":
        return f"the router chooses within {_groups(here)}, vLLM within {_groups(there)}"
    if name == "corrected":
        return "the correction of the scores is not what vLLM chooses by"
    return f"the router scores by {here}, vLLM by {there}"

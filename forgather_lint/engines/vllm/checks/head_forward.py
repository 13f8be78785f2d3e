"""What a model computes besides `lm_head(hidden_states)`: vLLM does not run its forward."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from forgather_lint.core.source import Place
from forgather_lint.core.version import ReleaseRange
from forgather_lint.documents.python import NodePlace
from forgather_lint.documents.walk import descendants, of_kind
from forgather_lint.engines.common.head_arithmetic import (
    OnLogits,
    applies_its_weight,
    arithmetic_beside,
    numbers_behind,
)
from forgather_lint.engines.vllm.checks.checked_model import CheckedModel, releases_of
from forgather_lint.engines.vllm.checks.phases import Phase, check
from forgather_lint.execution.outcome import Outcome, undecided
from forgather_lint.facts.causes.modules import HeadForwardLost, LogitsChanged
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.model.tree import class_name
from forgather_lint.python.interpreter.classes import is_same_class
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import External, Known

HEAD = "lm_head"
SCALE, CAP = "logit_scale", "final_logit_softcapping"


@check(Phase.WEIGHTS)
def forward_lost(seen: CheckedModel) -> Iterator[ServingProblem]:
    """Arithmetic between the base model and the head, or behind the head."""
    parts = _parts(seen)
    if parts is None:
        return
    whole, head, base = parts
    fact = seen.target.vllm.forward.logits_config
    kept = _on_logits(seen)
    found = arithmetic_beside(seen.builder.machine, whole, base, head, kept)
    if found is not None:
        field = CAP if _caps(found) else SCALE
        yield ServingProblem(
            cause=HeadForwardLost(class_name(whole), field if field in fact.value else ""),
            verdict="wrong",
            where=found,
            target=str(seen.target),
            error="",
            releases=releases_of(fact) if kept.numbers else ReleaseRange("vllm"),
        )


@check(Phase.WEIGHTS)
def logits_changed(seen: CheckedModel) -> Iterator[ServingProblem]:
    """A factor or a soft cap by the config that the engine applies, and the model does not."""
    parts, engine = _parts(seen), _on_logits(seen)
    if parts is None or not engine.numbers:
        return
    whole, head, base = parts
    applied = numbers_behind(seen.builder.machine, whole, base, head)
    for name, number in ((SCALE, engine.scale), (CAP, engine.cap)):
        if applied is not None and number is not None and number not in applied:
            yield ServingProblem(
                cause=LogitsChanged(name, number),
                verdict="wrong",
                where=seen.place_of_setting(name),
                target=str(seen.target),
                error="",
                releases=releases_of(seen.target.vllm.forward.logits_config),
            )


def head_unproved(seen: CheckedModel) -> Outcome | None:
    """Why it is open what the head computes, of whose module the engine keeps the weight alone."""
    parts = _parts(seen)
    if parts is None or isinstance(parts[1].cls, External):
        return None
    whole, head, base = parts
    if applies_its_weight(seen.builder.machine, whole, base, head):
        return None
    name = class_name(head)
    return undecided(f"what `{name}` computes is not known to be its weight alone", head.where)


def _parts(seen: CheckedModel) -> tuple[Instance, Instance, Instance] | None:
    """The model with its head, the head and the base model, if these are three."""
    if seen.whole is None:
        return None
    whole = seen.whole.root
    head, base = whole.attributes.get(HEAD), seen.builder.base_child(whole)
    if is_same_class(whole.cls, seen.cls) or not isinstance(head, Instance) or base is None:
        return None
    return whole, head, base


def _on_logits(seen: CheckedModel) -> OnLogits:
    """What the release does to the logits by the config."""
    read = seen.target.vllm.forward.logits_config.value
    scale, cap = (_number(seen, name) if name in read else None for name in (SCALE, CAP))
    return OnLogits(None if scale == 1 else scale, cap or None)


def _caps(lost: Place) -> bool:
    """Whether a `tanh` is part of what is lost."""
    node = lost.node if isinstance(lost, NodePlace) else None
    calls = of_kind(descendants(node), cst.Call) if node is not None else ()
    names = (each.func for each in calls)
    return any(
        (each.attr if isinstance(each, cst.Attribute) else each).deep_equals(cst.Name("tanh"))
        for each in names
    )


def _number(seen: CheckedModel, name: str) -> float | None:
    value = seen.setting(name)
    held = value.value if isinstance(value, Known) else None
    return float(held) if isinstance(held, int | float) else None

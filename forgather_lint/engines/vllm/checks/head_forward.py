"""What a model computes besides `lm_head(hidden_states)`: vLLM does not run its forward."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from forgather_lint.core.source import Place
from forgather_lint.core.version import ReleaseRange
from forgather_lint.documents.python import NodePlace
from forgather_lint.documents.walk import descendants, of_kind
from forgather_lint.engines.common.head_arithmetic import (
    HeadRun,
    OnLogits,
    applies_its_weight,
    arithmetic_beside,
    does_as,
    not_followed,
    numbers_behind,
)
from forgather_lint.engines.vllm.checks.checked_model import CheckedModel, releases_of
from forgather_lint.engines.vllm.checks.phases import Phase, check
from forgather_lint.execution.outcome import Outcome, undecided
from forgather_lint.facts.causes.modules import HeadForwardLost, LogitsChanged
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.model.tree import class_name
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.values.value import External, Known

SCALE, CAP = "logit_scale", "final_logit_softcapping"


@check(Phase.WEIGHTS)
def forward_lost(seen: CheckedModel) -> Iterator[ServingProblem]:
    """Arithmetic between the base model and the head, or behind the head."""
    ran, whole = seen.head_run, seen.whole
    if not isinstance(ran, HeadRun) or whole is None:
        return
    fact = seen.target.vllm.forward.logits_config
    kept = _on_logits(seen)
    found = arithmetic_beside(ran, kept)
    if found is not None:
        field = CAP if _caps(found) else SCALE
        yield ServingProblem(
            cause=HeadForwardLost(class_name(whole.root), field if field in fact.value else ""),
            verdict="wrong",
            where=found,
            target=str(seen.target),
            error="",
            releases=releases_of(fact) if kept.numbers else ReleaseRange("vllm"),
        )


@check(Phase.WEIGHTS)
def logits_changed(seen: CheckedModel) -> Iterator[ServingProblem]:
    """A factor or a soft cap by the config that the engine applies, and the model does not."""
    engine = _on_logits(seen)
    ran = seen.head_run if engine.numbers else None
    if not isinstance(ran, HeadRun):
        return
    applied = numbers_behind(ran)
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
    """Why it is open whether the logits are those that the engine computes of the head's weight."""
    ran = seen.head_run
    if ran is None:
        return None
    if isinstance(ran, Raised):
        return undecided(f"the forward with the head raises {ran.shown}", ran.where)
    head = ran.watch.head
    if not isinstance(head.cls, External) and not applies_its_weight(ran):
        name = class_name(head)
        return undecided(f"what `{name}` computes is not known to be its weight alone", head.where)
    engine = _on_logits(seen)
    lost = not_followed(ran, engine)
    if lost is None and not does_as(ran, engine):
        lost = head.where
    return undecided("head-not-followed", lost) if lost is not None else None


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

"""What a model computes besides `lm_head(hidden_states)`: vLLM does not run its forward."""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.version import ReleaseRange
from forgather_lint.engines.common.head_arithmetic import arithmetic_beside
from forgather_lint.engines.vllm.checks.checked_model import CheckedModel, releases_of
from forgather_lint.engines.vllm.checks.phases import Phase, check
from forgather_lint.facts.causes.modules import HeadForwardLost
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.model.tree import class_name
from forgather_lint.python.interpreter.classes import is_same_class
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import Known

HEAD = "lm_head"


@check(Phase.WEIGHTS)
def forward_lost(seen: CheckedModel) -> Iterator[ServingProblem]:
    """Arithmetic between the base model and the head, or behind the head."""
    if seen.whole is None:
        return
    whole = seen.whole.root
    head, base = whole.attributes.get(HEAD), seen.builder.base_child(whole)
    if is_same_class(whole.cls, seen.cls) or not isinstance(head, Instance) or base is None:
        return
    fact = seen.target.vllm.forward.logits_config
    kept = [_number(seen, name) for name in fact.value]
    found = arithmetic_beside(
        seen.builder.machine, whole, base, head, [x for x in kept if x is not None]
    )
    if found is not None:
        yield ServingProblem(
            cause=HeadForwardLost(class_name(whole)),
            verdict="wrong",
            where=found,
            target=str(seen.target),
            error="",
            releases=releases_of(fact) if any(kept) else ReleaseRange("vllm"),
        )


def _number(seen: CheckedModel, name: str) -> float | None:
    value = seen.setting(name)
    held = value.value if isinstance(value, Known) else None
    return float(held) if isinstance(held, int | float) else None

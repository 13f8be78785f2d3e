"""A plan for the head reaches the base model, which has no head.

## What it does
Runs the constructor with the plans merged as the target's transformers merges them. From 5.14 on
`_tp_plan` and `_pp_plan` of the class stay in the plan of every instance, also of one that
AutoModel builds without its head.

Where `base_model_prefix` names a child, the plan of the config is lost too.

## Why is this bad?
Code that walks `self._pp_plan` finds an entry `lm_head` where `self.lm_head` is None.

## Example
```py
class X(PreTrainedModel):
    _pp_plan = {"lm_head": (["hidden_states"], ["logits"])}
    def __init__(self, config):
        ...
        for name in self._pp_plan:
            self.get_submodule(name)
```

## Use instead
```py
for name in self.config.base_model_pp_plan or {}:
    self.get_submodule(name)
```

## What you see at run time
`AttributeError: `lm_head` is not an nn.Module`. vLLM 0.28 and later show in its place:
`AttributeError: 'TransformersForCausalLM' object has no attribute '_pre_trained_model_classes'`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.code import PlanHoldsOthers
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding, since


@rule(
    "FGL508",
    "class-plan-reaches-base-model",
    Severity.ERROR,
    explains=PlanHoldsOthers,
    rests_on=("transformers/plan.class_plan_kept", "transformers/plan.config_plan_on"),
)
def check(problem: ServingProblem, cause: PlanHoldsOthers) -> Iterator[Finding]:
    if cause.name == "_pp_plan":
        told = "a base model has the `_pp_plan` of its class with a head too"
        help = "walk `self.config.base_model_pp_plan` instead: no class adds to it"
    else:
        told = f"the `{cause.name}` of the config does not reach this class"
        help = f"read `self.config.{cause.name}` instead"
    yield finding(
        problem, f"{told}{since(problem)}", label="the constructor raises here", help=help
    )

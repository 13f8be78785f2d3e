"""The model with the head does more than to apply it, which vLLM leaves out.

## What it does
Runs the forward of `architectures[0]` abstractly and reports arithmetic on the way from the base
model to the logits: a factor, a soft cap, a norm of its own.

## Why is this bad?
vLLM loads the base model and applies a head of its own. The forward of the class with the head is
never run; only a `logit_scale` of the config, and since 0.28 its `final_logit_softcapping`, are
applied.

## Example
```py
logits = self.lm_head(hidden_states) / self.config.width_factor
```

## Use instead
```py
class XModel(PreTrainedModel):  # the base model: vLLM runs its forward
    def forward(self, ...):
        return (self.norm(hidden_states) / self.config.width_factor,)
```

## What you see at run time
Nothing: other probabilities than transformers computes (measured on 0.13, 0.25 and 0.32).
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.modules import HeadForwardLost
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL532",
    "head-forward-lost",
    Severity.ERROR,
    explains=HeadForwardLost,
    rests_on=("vllm/forward.logits_config",),
)
def check(problem: ServingProblem, cause: HeadForwardLost) -> Iterator[Finding]:
    by_config = f"say it as `{cause.instead}` in the config, which vLLM does itself; "
    yield finding(
        problem,
        f"vLLM never runs the forward of `{cause.name}`: this is left out",
        label="between the base model and the logits",
        help=f"{by_config if cause.instead else ''}what stands before the head can move into the "
        "base model",
    )

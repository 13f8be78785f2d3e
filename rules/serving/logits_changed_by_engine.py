"""vLLM changes the logits by a field of the config that the model itself does not use.

## What it does
Compares what the forward of `architectures[0]` does to the output of the head with what vLLM does
to it: a factor `logit_scale` and, since 0.28, a soft cap `final_logit_softcapping` of the config.

## Why is this bad?
vLLM reads these fields of any config. A model whose config has one for something else, or kept it
from another model, gets other probabilities.

## Example
```json
{"logit_scale": 0.25}
```

```py
return CausalLMOutputWithPast(logits=self.lm_head(hidden_states))
```

## Use instead
```py
return CausalLMOutputWithPast(logits=self.lm_head(hidden_states) * self.config.logit_scale)
```

## What you see at run time
Nothing: other probabilities than transformers computes.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.modules import LogitsChanged
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL580",
    "logits-changed-by-engine",
    Severity.ERROR,
    explains=LogitsChanged,
    rests_on=("vllm/forward.logits_config",),
)
def check(problem: ServingProblem, cause: LogitsChanged) -> Iterator[Finding]:
    yield finding(
        problem,
        f"vLLM changes the logits by `{cause.name}`, and the model does not",
        label=f"{cause.number:g} in the config",
        help=f"apply `{cause.name}` to the logits in the model, or take it out of the config",
    )

"""The keywords of the engine do not reach the attention.

## What it does
Follows `attention_instances`, which vLLM passes to `forward`, to the call of the attention
interface.

## Why is this bad?
Each level has to hand on `**kwargs`; without it the attention has no cache to work on.

## Example
```py
hidden_states = self.self_attn(hidden_states, attention_mask)
```

## Use instead
```py
hidden_states = self.self_attn(hidden_states, attention_mask, **kwargs)
```

## What you see at run time
`TypeError: 'NoneType' object is not subscriptable`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.attention import KeywordLost
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL523",
    "attention-keyword-lost",
    Severity.ERROR,
    explains=KeywordLost,
    rests_on=("vllm/attention.keyword_lost",),
)
def check(problem: ServingProblem) -> Iterator[Finding]:
    yield finding(
        problem,
        "`attention_instances` does not reach this call of the attention",
        label="called without it",
        help="hand `**kwargs` on at every level from the model to the attention",
    )

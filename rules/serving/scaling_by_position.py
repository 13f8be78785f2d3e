"""The attention's scaling is passed by position, where vLLM takes it by name alone.

## What it does
Reports a call of the attention interface with more than five arguments by position.

## Why is this bad?
vLLM's attention takes module, query, key, value and mask by position and nothing else.

## Example
```py
attend(self, query, key, value, mask, self.scaling)
```

## Use instead
```py
attend(self, query, key, value, mask, scaling=self.scaling)
```

## What you see at run time
`TypeError: vllm_attention_forward() takes 5 positional arguments but 6 were given`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.attention import ScalingByPosition
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL515",
    "scaling-by-position",
    Severity.ERROR,
    explains=ScalingByPosition,
    rests_on=("vllm/attention.scaling_positional",),
)
def check(problem: ServingProblem, cause: ScalingByPosition) -> Iterator[Finding]:
    yield finding(
        problem,
        f"`{cause.name}` passes more than five arguments by position, vLLM's attention takes five",
        label="in this forward",
        help="pass `scaling=` by name",
    )

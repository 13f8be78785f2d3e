"""The attention's scaling is an expression that vLLM does not evaluate.

## What it does
vLLM 0.30 reads `scaling=` from the text of the call: a number, or `self.<attribute>` that holds
one. Reports anything else.

## Why is this bad?
The scale is needed before the first token, to build the layer's attention.

## Example
```py
attend(self, query, key, value, mask, scaling=self.head_dim**-0.5)
```

## Use instead
```py
attend(self, query, key, value, mask, scaling=self.scaling)  # set in the constructor
```

## What you see at run time
`ValueError: Cannot resolve attention scaling expression 'self.head_dim ** -0.5' in X.`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.attention import ScalingNotResolved
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL514",
    "scaling-not-resolved",
    Severity.ERROR,
    explains=ScalingNotResolved,
    rests_on=("vllm/attention.scaling_unresolved",),
)
def check(problem: ServingProblem, cause: ScalingNotResolved) -> Iterator[Finding]:
    yield finding(
        problem,
        f"vLLM cannot read `scaling={cause.expression}`: no number, no attribute with one",
        label="in this forward",
        help="keep the number in an attribute and pass that",
    )

"""A norm multiplies by `1 + weight` before it divides by the root: vLLM drops the 1.

## What it does
Reports `(1 + self.weight) * x * torch.rsqrt(...)` in a module that the releases below replace.

Where a norm is found by its name, see FGL533.

## Why is this bad?
They know an RMSNorm by its computation. What stands beside the inverse root is taken for the
input, whatever it is, so the replacement multiplies by the weight alone; `1 + weight` is seen only
where it is multiplied last.

## Example
```py
return (1 + self.weight) * hidden_states * torch.rsqrt(variance + self.eps)
```

## Use instead
```py
return (1 + self.weight) * (hidden_states * torch.rsqrt(variance + self.eps))
```

## What you see at run time
No message: other tokens. Log-probabilities off by 3.9 (measured on 0.25, 0.30 and 0.32).
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.modules import NormCentreOverlooked
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL547",
    "norm-centre-overlooked",
    Severity.ERROR,
    explains=NormCentreOverlooked,
    rests_on=("vllm/modules.norm_found_by",),
)
def check(problem: ServingProblem, cause: NormCentreOverlooked) -> Iterator[Finding]:
    yield finding(
        problem,
        f"vLLM takes `{cause.name}` for an RMSNorm without the 1 that is added to its weight",
        label="multiplied by the weight alone",
        help="multiply by `1 + weight` last, behind the inverse root",
    )

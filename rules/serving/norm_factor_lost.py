"""A norm multiplies by more than its weight, and vLLM's norm in its place does not.

## What it does
Follows the products in the forward of a norm that vLLM recognises by what it computes, and reports
a number, or a parameter that is not called `weight`, among the factors.

## Why is this bad?
vLLM replaces what is computed like an RMS norm by one of its own, `weight * x * rsqrt(...)`. It
looks at the inverse root, and takes whatever is multiplied by it for the input.

## Example
```py
return 0.5 * self.weight * x * torch.rsqrt(variance + self.eps)
```

## Use instead
```py
return self.weight * x * torch.rsqrt(variance + self.eps)  # the factor stored in the weight
```

## What you see at run time
Nothing: other tokens than transformers generates (measured on 0.32).
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.modules import NormFactorLost
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL582",
    "norm-factor-lost",
    Severity.ERROR,
    explains=NormFactorLost,
    rests_on=("vllm/modules.norm_found_by",),
)
def check(problem: ServingProblem, cause: NormFactorLost) -> Iterator[Finding]:
    yield finding(
        problem,
        f"vLLM's norm in the place of `{cause.name}` multiplies by its `weight` alone",
        label="this factor is lost",
        help="multiply the stored weight by it, or scale behind the norm",
    )

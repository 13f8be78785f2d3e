"""A norm keeps its epsilon where vLLM does not look, so that 1e-6 is used.

## What it does
Looks at classes with a name that ends in `RMSNorm`. The releases below replace them, and read the
epsilon from `eps` or `variance_epsilon`. Reports another name with another value than 1e-6.

## Why is this bad?
The replacement computes with 1e-6.

## Example
```py
class XRMSNorm(nn.Module):
    def __init__(self, size):
        self.norm_eps = 1e-5
```

## Use instead
```py
class XRMSNorm(nn.Module):
    def __init__(self, size):
        self.variance_epsilon = 1e-5
```

## What you see at run time
Nothing: other tokens than transformers generates (measured on 0.13).
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.modules import NormEpsilonNotFound
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL520",
    "norm-epsilon-not-found",
    Severity.ERROR,
    explains=NormEpsilonNotFound,
    rests_on=("vllm/modules.norm_epsilon_names",),
)
def check(problem: ServingProblem, cause: NormEpsilonNotFound) -> Iterator[Finding]:
    yield finding(
        problem,
        f"`{cause.name}` keeps its epsilon as `{cause.kept_as}`, which vLLM does not find",
        label="1e-6 is used instead",
        help="call the attribute `variance_epsilon`",
    )

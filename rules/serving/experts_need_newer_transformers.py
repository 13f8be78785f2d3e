"""A model with experts, in a vLLM whose code for them asks for a transformers it excludes.

## What it does
Reads the fields that vLLM takes for the number of experts (`num_experts`, `moe_num_experts`,
`n_routed_experts`, `num_local_experts`). Between 0.11.1 and 0.23 its code for experts asks for
transformers 5, which its own requirement excludes or which is not installed.

## Why is this bad?
The model never loads; a dense model that happens to have such a field does not either.

## Example
```json
{"num_experts": 8}
```

## Use instead
```json
{"intermediate_size": 256}
```

## What you see at run time
`ImportError: Transformers modeling backend requires transformers>=5.0.0.dev0 for MoE models
support, but got 4.57.6`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.experts import ExpertsNotServed
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL506",
    "experts-need-newer-transformers",
    Severity.ERROR,
    explains=ExpertsNotServed,
    rests_on=("vllm/config.experts",),
)
def check(problem: ServingProblem, cause: ExpertsNotServed) -> Iterator[Finding]:
    yield finding(
        problem,
        f"`{cause.name}` makes a mixture of experts, which this release cannot serve",
        label="read as the number of experts",
        help="serve it with vLLM 0.24 or later",
    )

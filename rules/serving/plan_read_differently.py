"""vLLM and transformers apply different entries of the plan to a layer.

## What it does
Matches every Linear as each of the two does. vLLM takes the first key that begins the name, read
as a regular expression; transformers replaces numbers by `*` (before 5.0 every digit, `linear1`
too) and looks the result up.

## Why is this bad?
What is tested with one of them is not what the other does: `mlp.gate` also takes `mlp.gate_proj`
in vLLM.

## Example
```py
"layers.*.mlp.gate": "replicate",
"layers.*.mlp.gate_proj": "colwise",
```

## Use instead
```py
"layers.*.mlp.gate_proj": "colwise",
"layers.*.mlp.gate$": "replicate",
```

## What you see at run time
Nothing, until the shapes of the two halves of a pair no longer fit on several ranks.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.plans import PlanReadDifferently
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL528",
    "plan-read-differently",
    Severity.WARNING,
    explains=PlanReadDifferently,
    rests_on=("vllm/plan.picks", "transformers/plan.wildcard"),
)
def check(problem: ServingProblem, cause: PlanReadDifferently) -> Iterator[Finding]:
    yield finding(
        problem,
        f"`{cause.module}` gets {cause.here} in vLLM, {cause.there} in transformers",
        label="read differently",
        help="write keys that match the whole name, none the beginning of another",
    )

"""SGLang does not find the number of the experts, of those chosen, or their width.

## What it does
Reports a model that SGLang takes for a mixture of experts, whose config does not say what it
asserts.

## Why is this bad?
A name with `moe` or `mixtral`, or a field such as `num_experts`, makes it one.

## Example
```json
{"architectures": ["TinyMoeForCausalLM"]}
```

## Use instead
```json
{"architectures": ["TinyMoeForCausalLM"], "num_experts": 8, "num_experts_per_tok": 2}
```

## What you see at run time
`AssertionError: Cannot determine num_experts from config.`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.sglang import ExpertsNotDescribed
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL804",
    "experts-not-described",
    Severity.ERROR,
    explains=ExpertsNotDescribed,
    rests_on=(
        "sglang/experts.signs",
        "sglang/experts.count_fields",
        "sglang/experts.choice_fields",
        "sglang/experts.width_fields",
    ),
)
def check(problem: ServingProblem, cause: ExpertsNotDescribed) -> Iterator[Finding]:
    names = ", ".join(f"`{name}`" for name in cause.fields)
    yield finding(
        problem,
        "SGLang takes this for a mixture of experts, and its config does not say of what kind",
        label="a field is missing",
        help=f"say one of {names}",
    )

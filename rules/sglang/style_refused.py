"""SGLang refuses a style of the plan.

## What it does
Reports a style of the tensor-parallel plan that SGLang's Transformers backend does not know.

## Why is this bad?
It reads every style while it builds the model, on any number of ranks, and raises for one that it
does not know. So it does for the names that transformers has now for two styles.

## Example
```py
"layers.*.embed": "colwise_gather_output"
```

## Use instead
```py
"layers.*.embed": "colwise_rep"
```

## What you see at run time
`ValueError: Unsupported TP style 'colwise_gather_output' for Transformers backend.`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.sglang import StyleRefused
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL800",
    "style-refused",
    Severity.ERROR,
    explains=StyleRefused,
    rests_on=(
        "sglang/plan.styles",
        "sglang/plan.unknown_style",
    ),
)
def check(problem: ServingProblem, cause: StyleRefused) -> Iterator[Finding]:
    renamed = {"colwise_gather_output": "colwise_rep", "rowwise_split_input": "rowwise_rep"}
    other = renamed.get(cause.style)
    yield finding(
        problem,
        f"SGLang does not know the style `{cause.style}` of `{cause.key}`",
        label="refused",
        help=f"it calls this style `{other}`" if other else "it knows colwise, rowwise, replicate",
    )

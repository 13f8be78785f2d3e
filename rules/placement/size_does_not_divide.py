"""A width or head count is not divisible by the tensor-parallel size.

## What it does
Divides the head counts of the config and the widths of sharded layers by the size.

## Why is this bad?
The engine refuses to load the model.

## Example
```json
{"num_attention_heads": 6}   // with --tensor-parallel-size 4
```

## Use instead
```json
--tensor-parallel-size 2
```

## What you see at run time
`ValueError: Total number of attention heads (6) must be divisible by tensor parallel size (4).`
or `AssertionError: 250 is not divisible by 4`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts import Judged
from forgather_lint.facts.causes.placement import SizeDoesNotDivide
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.judged import finding, first_size


@rule(
    "FGL210",
    "size-does-not-divide",
    Severity.ERROR,
    explains=SizeDoesNotDivide,
    rests_on=(
        "vllm/config.heads_indivisible",
        "vllm/config.width_indivisible",
        "vllm/experts.width_indivisible",
    ),
)
def check(judged: Judged, cause: SizeDoesNotDivide) -> Iterator[Finding]:
    number = f"{cause.size} {cause.things}"
    yield finding(judged, f"{number} cannot be shared out evenly to {first_size(judged)}")

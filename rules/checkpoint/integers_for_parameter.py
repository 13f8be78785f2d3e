"""Whole numbers are stored for a parameter, and nothing says that the weights are quantized.

## What it does
Reports a tensor of an integer dtype for a parameter, in a checkpoint without a
`quantization_config`.

## Why is this bad?
A parameter is made of floating-point numbers. Quantized weights need their scales; without a config
vLLM copies the whole numbers as they are, and computes with them.

## Example
```text
model.layers.0.mlp.down_proj.weight  I8
```

## Use instead
The `quantization_config` of the method that made them, or weights that are not quantized.

## What you see at run time
Nothing: other tokens (measured on 0.32).
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.checkpoint import WholeNumbers
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL630",
    "integers-for-parameter",
    Severity.ERROR,
    explains=WholeNumbers,
    rests_on=("vllm/checkpoint.nothing_found",),
)
def check(problem: ServingProblem, cause: WholeNumbers) -> Iterator[Finding]:
    more = f" ({cause.count} such tensors)" if cause.count > 1 else ""
    yield finding(
        problem,
        f"`{cause.name}` is stored as {cause.dtype}, and nothing says how it is scaled{more}",
        label="whole numbers for a parameter",
        help="name the method in `quantization_config`, or save weights that are not quantized",
    )

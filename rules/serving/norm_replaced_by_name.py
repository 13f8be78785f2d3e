"""A class named `*RMSNorm` is replaced, and does what its replacement does not.

## What it does
The releases below replace every module whose class name ends in `RMSNorm`. Reports one with a
parameter beside `weight`, with a second input, or with `1 + weight` in a class that cannot be
built of a number (vLLM builds `cls(1)` to see whether its weight starts at 0).

## Why is this bad?
The replacement has a `weight` only; it takes a second input for a residual that it adds, and
returns two tensors then; and it multiplies by the weight as it is.

## Example
```py
class GatedRMSNorm(nn.Module):
    def forward(self, hidden_states, gate):
```

## Use instead
```py
class GatedNorm(nn.Module):  # any name that does not end in RMSNorm
    def forward(self, hidden_states, gate):
```

## What you see at run time
`ValueError: There is no module or parameter named 'model.norm.bias' in TransformersForCausalLM`;
with two inputs what the code behind it makes of a tuple, such as `AttributeError: 'tuple' object
has no attribute 'shape'`; for `1 + weight` other tokens, and a warning: "Failed to determine if
RMSNorm weight is centered on zero or one." (all measured on 0.13, `1 + weight` on 0.20 too)
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.modules import NormReplaced
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL533",
    "norm-replaced-by-name",
    Severity.ERROR,
    explains=NormReplaced,
    rests_on=(
        "vllm/modules.norm_found_by",
        "vllm/modules.norm_parameters_kept",
        "vllm/modules.norm_second_input",
        "vllm/modules.norm_centre_lost",
    ),
)
def check(problem: ServingProblem, cause: NormReplaced) -> Iterator[Finding]:
    yield finding(
        problem,
        f"vLLM replaces `{cause.name}`, and the replacement {cause.defect}",
        label="replaced for its name",
        help="give the class a name that does not end in `RMSNorm`",
    )

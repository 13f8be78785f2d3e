"""A norm that vLLM replaces has a parameter that the replacement does not have.

## What it does
The releases below know an RMS norm by what its `forward` computes, however it is called: the
input times `rsqrt(mean(input ** 2) + epsilon)`, times a weight if there is one. Reports one whose
parameter is not named `weight`.

Where the name of the class decides, see FGL533.

## Why is this bad?
vLLM's own norm takes its place and has a `weight` or nothing. The parameter of the checkpoint finds
no place, and the engine refuses to load.

## Example
```py
self.scale = nn.Parameter(torch.ones(size))
```

## Use instead
```py
self.weight = nn.Parameter(torch.ones(size))
```

## What you see at run time
`ValueError: There is no module or parameter named 'model.layers.0.attn_norm.scale' in
TransformersForCausalLM` (measured on 0.32)
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.modules import NormLosesParameter
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL561",
    "norm-parameter-lost",
    Severity.ERROR,
    explains=NormLosesParameter,
    rests_on=("vllm/modules.norm_found_by",),
)
def check(problem: ServingProblem, cause: NormLosesParameter) -> Iterator[Finding]:
    yield finding(
        problem,
        f"vLLM replaces `{cause.name}` by its own norm, which has no place for "
        f"`self.{cause.parameter}`",
        label="an RMS norm by what it computes",
        help="call the weight `weight`, in the checkpoint too",
    )

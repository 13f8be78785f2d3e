"""The name of a fused projection begins the name of its sibling.

## What it does
vLLM 0.25 fuses projections that it recognises and renames their weights by substring. Reports a
sibling whose name begins like a fused one.

## Why is this bad?
The sibling's weight is renamed too and belongs nowhere.

## Example
```py
self.q, self.k, self.v = nn.Linear(...), nn.Linear(...), nn.Linear(...)
self.q_norm = RMSNorm(...)
```

## Use instead
```py
self.q_proj, self.k_proj, self.v_proj = nn.Linear(...), nn.Linear(...), nn.Linear(...)
self.q_norm = RMSNorm(...)
```

## What you see at run time
`ValueError: There is no module or parameter named 'model.layers.0.self_attn.qkv_proj_norm' in
TransformersForCausalLM`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.modules import FusedNameInSibling
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL522",
    "fused-name-in-sibling",
    Severity.ERROR,
    explains=FusedNameInSibling,
    rests_on=("vllm/fusers.stacked_by_substring",),
)
def check(problem: ServingProblem, cause: FusedNameInSibling) -> Iterator[Finding]:
    yield finding(
        problem,
        f"`{cause.name}` begins with `{cause.fused}`, which vLLM fuses and renames",
        label="loses its weight",
        help=f"call the projection `{cause.fused}_proj`",
    )

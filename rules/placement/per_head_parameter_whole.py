"""A parameter with an entry per head is whole on each rank.

## What it does
Reports parameters (ALiBi slopes, per-head gains, sinks) that meet a value of which each rank
holds only some heads.

A release that resolves `s_aux=` shards the parameter passed so.

## Why is this bad?
The engine never shards a bare parameter.

Where exactly one entry in the other style, `colwise` or `rowwise`, makes this size serve, the fix
is to write that; the fix is unsafe because it splits a layer otherwise.

## Example
```py
scores = scores * self.head_gain.view(-1, 1, 1)  # nn.Parameter of num_heads
```

## Use instead
```py
self.head_gain = nn.Linear(1, num_heads, bias=False)  # a layer that the plan can shard
```

## What you see at run time
`RuntimeError: The size of tensor a (4) must match the size of tensor b (8) at non-singleton
dimension 1`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts import Judged
from forgather_lint.facts.causes.placement import ParameterSizeDiffers
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.judged import finding, first_size


@rule(
    "FGL208",
    "per-head-parameter-whole",
    Severity.ERROR,
    explains=ParameterSizeDiffers,
    rests_on=("vllm/attention.sinks_unresolved",),
)
def check(judged: Judged, cause: ParameterSizeDiffers) -> Iterator[Finding]:
    sizes = f"{cause.left} and {cause.right} at {first_size(judged)}"
    yield finding(
        judged, f"a parameter that each rank has whole meets a rank's part of a value: {sizes}"
    )

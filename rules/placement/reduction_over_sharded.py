"""A norm, softmax or reduction runs over a sharded dimension.

## What it does
Reports softmax, mean, max, norms and the like along a dimension of which each rank holds a part.

A release that finds norms by their data flow gathers the input of an RMS norm.

## Why is this bad?
Each rank normalises its own part: the result is not a part of the true result.

Where exactly one entry in the other style, `colwise` or `rowwise`, makes this size serve, the fix
is to write that; the fix is unsafe because it splits a layer otherwise.

## Example
```py
weights = self.up_proj(x).softmax(dim=-1)  # up_proj: "colwise"
```

## Use instead
```py
"layers.*.mlp.up_proj": "colwise_gather_output",  # all features on each rank
```

## What you see at run time
Nothing: wrong output. With a weight of the full width: `RuntimeError: The size of tensor a ...`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts import Judged
from forgather_lint.facts.causes.placement import NormShapeDiffers, ReducesParts
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.judged import finding


@rule(
    "FGL206",
    "reduction-over-sharded",
    Severity.ERROR,
    explains=(NormShapeDiffers, ReducesParts),
    rests_on=("vllm/modules.norm_found_by",),
)
def check(judged: Judged) -> Iterator[Finding]:
    yield finding(judged)

"""A sharded value meets a whole one of another width.

## What it does
Follows every value through `forward` on one rank. An elementwise operation whose operands have
different sizes there, although they fit in the whole model, is reported with the place where one
of them became sharded.

A release with `GLUFuser` shards gate and up together where it recognises them.

## Why is this bad?
The model crashes at the first token.

Where exactly one entry in the other style, `colwise` or `rowwise`, makes this size serve, the fix
is to write that; the fix is unsafe because it splits a layer otherwise.

## Example
```py
up = self.up_proj(x)      # "colwise": half the features on each of two ranks
gate = self.gate_proj(x)  # not in the plan: all features
return self.down_proj(self.act(gate) * up)
```

## Use instead
```py
"layers.*.mlp.gate_proj": "colwise",
"layers.*.mlp.up_proj": "colwise",
"layers.*.mlp.down_proj": "rowwise",
```

## What you see at run time
`RuntimeError: The size of tensor a (64) must match the size of tensor b (32) at non-singleton
dimension 2`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts import Judged
from forgather_lint.facts.causes.placement import SizesDiffer
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.judged import finding, first_size


@rule(
    "FGL201",
    "sharded-meets-whole",
    Severity.ERROR,
    explains=SizesDiffer,
    rests_on=("vllm/fusers.names",),
)
def check(judged: Judged, cause: SizesDiffer) -> Iterator[Finding]:
    sizes = f"{cause.left} and {cause.right} at {first_size(judged)}"
    yield finding(judged, f"sizes that are equal in the whole model differ on a rank: {sizes}")

"""A row-parallel layer is fed a whole value.

## What it does
Reports a row-parallel layer (`rowwise`) whose input has all features on each rank, or a
replicated layer whose input has only a part of them.

## Why is this bad?
A row-parallel layer holds a slice of the input features; its matrix does not fit the input.

Where exactly one entry in the other style, `colwise` or `rowwise`, makes this size serve, the fix
is to write that; the fix is unsafe because it splits a layer otherwise.

## Example
```py
"layers.*.mlp.down_proj": "rowwise",  # up_proj and gate_proj are not in the plan
```

## Use instead
```py
"layers.*.mlp.up_proj": "colwise",
"layers.*.mlp.gate_proj": "colwise",
"layers.*.mlp.down_proj": "rowwise",
```

## What you see at run time
`RuntimeError: mat1 and mat2 shapes cannot be multiplied (16x192 and 96x128)`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts import Judged
from forgather_lint.facts.causes.placement import WidthsDiffer
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.judged import finding, first_size


@rule("FGL202", "row-input-not-sharded", Severity.ERROR, explains=WidthsDiffer)
def check(judged: Judged, cause: WidthsDiffer) -> Iterator[Finding]:
    given = f"is given {cause.left} on a rank ({first_size(judged)})"
    yield finding(judged, f"a matrix for {cause.right} features {given}")

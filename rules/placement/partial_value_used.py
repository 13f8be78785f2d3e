"""A partial or sharded value is used as if it were whole.

## What it does
Reports values that leave a block, or the model, sharded or as partial sums that nothing adds up.

## Why is this bad?
The residual stream must be whole on each rank.

Where exactly one entry in the other style, `colwise` or `rowwise`, makes this size serve, the fix
is to write that; the fix is unsafe because it splits a layer otherwise.

## Example
```py
"layers.*.mlp.down_proj": "colwise",  # its output is a slice of the features
```

## Use instead
```py
"layers.*.mlp.down_proj": "rowwise",
```

## What you see at run time
A `RuntimeError` on sizes, or nothing: wrong output.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts import Judged
from forgather_lint.facts.causes.placement import AnswerPartial, AnswerSharded, PartialUsed
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.judged import finding


@rule(
    "FGL205",
    "partial-value-used",
    Severity.ERROR,
    explains=(AnswerPartial, AnswerSharded, PartialUsed),
)
def check(judged: Judged) -> Iterator[Finding]:
    yield finding(judged)

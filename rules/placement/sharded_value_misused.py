"""A sharded value takes part in an operation that needs it whole.

## What it does
Reports what the other rules of this family do not name: values sharded along two dimensions, sums
over ranks of values that are whole, an operation that fails on a rank but not on one alone.

## Why is this bad?
The rank computes something else than the model, or fails.

Where exactly one entry in the other style, `colwise` or `rowwise`, makes this size serve, the fix
is to write that; the fix is unsafe because it splits a layer otherwise.

## Example
```py
"layers.*.self_attn.q_proj": "rowwise",
```

## Use instead
```py
"layers.*.self_attn.q_proj": "colwise",
```

## What you see at run time
A `RuntimeError`, or nothing: wrong output.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts import Judged
from forgather_lint.facts.causes.placement import PartMisused, RaisesOnRank
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.judged import finding


@rule("FGL209", "sharded-value-misused", Severity.ERROR, explains=(PartMisused, RaisesOnRank))
def check(judged: Judged) -> Iterator[Finding]:
    raises = isinstance(judged.cause, RaisesOnRank)
    yield finding(judged, _raises(judged) if raises else "")


def _raises(judged: Judged) -> str:
    """What is said where no more is known than that one rank alone does not raise."""
    error = judged.reason.partition(":")[0]
    place = "a stage of the model" if judged.staged else "a rank's part of a value"
    return f"what works in the whole model raises {error} on {place}"

"""A view spells out a size that is smaller on a rank.

## What it does
Reports `view` and `reshape` calls whose sizes hold in the whole model but not on a rank, and
those that fit but mix the features of several heads.

## Why is this bad?
Each rank holds `num_heads / ranks` heads. A view with the number of all heads crashes, or reads
features of several heads as one.

The fix is safe because on one rank `-1` comes to the same size.

## Example
```py
query = self.q_proj(x).view(batch, length, self.num_heads, self.head_dim)
```

## Use instead
```py
query = self.q_proj(x).view(batch, length, -1, self.head_dim)
```

## What you see at run time
`RuntimeError: shape '[1, 16, 8, 24]' is invalid for input of size 1536`; nothing, if the sizes
happen to fit: wrong output.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts import Judged
from forgather_lint.facts.causes.placement import HeadsMixed, ReshapeDoesNotFit
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.edits import inferred_size
from forgather_lint.linting.support.judged import finding, first_size

_HELP = "write `-1` for the number of heads: each rank has its own"


@rule("FGL203", "head-count-hard-coded", Severity.ERROR, explains=(HeadsMixed, ReshapeDoesNotFit))
def check(judged: Judged) -> Iterator[Finding]:
    misfit = judged.cause if isinstance(judged.cause, ReshapeDoesNotFit) else None
    fix = inferred_size(judged.where, misfit)
    found = finding(judged, _headline(judged, misfit) if misfit else "")
    yield replace(found, fix=fix, help=_HELP) if fix else found


def _headline(judged: Judged, misfit: ReshapeDoesNotFit) -> str:
    sizes = ", ".join(misfit.target)
    return f"a rank's part of the value has no view of sizes [{sizes}] at {first_size(judged)}"

"""The tensor-parallel sizes at which the model serves.

## What it does
Without a size on the command line, judges the sizes 1, 2, 4 and 8 on the target and says at which
of them the model serves, with the reason for each other.

## Why is this bad?
It is not: this is an answer, not a complaint. A size that is missing here fails at load, or
answers garbage.

## Example
```py
# 6 attention heads: sizes 1 and 2 serve, 4 and 8 are refused
```

## Use instead
```sh
forgather-lint matrix MODEL   # all sizes and pipeline stages, with bytes per rank
```

## Releases
All; the default target is the vLLM installed beside the tool, else the newest known.

## What you see at run time
At a size that does not divide: `ValueError: Total number of attention heads (6) must be divisible
by tensor parallel size (4).`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts import SizesThatServe
from forgather_lint.linting.rule import rule


@rule("FGL290", "sizes-that-serve", Severity.INFO)
def check(sizes: SizesThatServe) -> Iterator[Finding]:
    serving = ", ".join(map(str, sizes.sizes)) or "none"
    reasons = "; ".join(f"{size}: {verdict}, {reason}" for size, verdict, reason in sizes.refused)
    yield Finding(
        where=sizes.where,
        message=f"vLLM {sizes.target} serves this at tensor-parallel sizes: {serving}",
        label="judged from source",
        help=reasons,
    )

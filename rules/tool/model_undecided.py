"""The module tree of a model could not be decided.

## What it does
Says which limit the analysis ran into: recursion, the number of steps, or a loop without an end
that can be seen.

## Why is this bad?
Nothing is known about the model's plans: no finding does not mean that they are right.

## Example
```py
class Block(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.inner = Block(config)  # never ends
```

## Use instead
```py
class Block(nn.Module):
    def __init__(self, config, depth):
        super().__init__()
        self.inner = Block(config, depth - 1) if depth else None
```

## What you see at run time
Nothing, unless the constructor really does not end: `RecursionError: maximum recursion depth
exceeded`.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts import NotBuilt
from forgather_lint.facts.causes.running import ModelUndecided
from forgather_lint.linting.rule import rule


@rule(
    "FGL902",
    "model-undecided",
    Severity.WARNING,
    explains=ModelUndecided,
)
def check(end: NotBuilt) -> Iterator[Finding]:
    yield Finding(
        end.where,
        f"the model could not be analysed: {end.message}",
        consequence="unknown: nothing was checked",
    )

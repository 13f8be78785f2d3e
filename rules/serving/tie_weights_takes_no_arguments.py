"""An override of tie_weights does not take the arguments of transformers 5.

## What it does
Reports a `tie_weights` without `recompute_mapping` and without `**kwargs`.

## Why is this bad?
`post_init` calls `self.tie_weights(recompute_mapping=False)`.

## Example
```py
def tie_weights(self):
    ...
```

## Use instead
```py
def tie_weights(self, *args, **kwargs):
    ...
```

## What you see at run time
`TypeError: X.tie_weights() got an unexpected keyword argument 'recompute_mapping'`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.code import TieWeightsTakesNoArguments
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL510",
    "tie-weights-takes-no-arguments",
    Severity.ERROR,
    explains=TieWeightsTakesNoArguments,
    rests_on=("transformers/modeling.tie_weights_override",),
)
def check(problem: ServingProblem, cause: TieWeightsTakesNoArguments) -> Iterator[Finding]:
    yield finding(
        problem,
        f"`{cause.name}.tie_weights` does not take `recompute_mapping`",
        label="called with arguments by this release",
        help="add `**kwargs`",
    )

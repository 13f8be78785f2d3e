"""The constructor never calls `post_init`, which merges the plans of the model.

## What it does
Runs the constructor and looks whether `self.post_init()` was called.

## Why is this bad?
It is what merges the plans; without it the model's plan is None.

## Example
```py
def __init__(self, config):
    super().__init__(config)
    self.layers = ...
```

## Use instead
```py
def __init__(self, config):
    super().__init__(config)
    self.layers = ...
    self.post_init()
```

## What you see at run time
`AttributeError: 'NoneType' object has no attribute 'items'`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.code import PostInitNeverCalled
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL511",
    "post-init-not-called",
    Severity.ERROR,
    explains=PostInitNeverCalled,
    rests_on=("vllm/plan.never_merged",),
)
def check(problem: ServingProblem, cause: PostInitNeverCalled) -> Iterator[Finding]:
    yield finding(
        problem,
        f"the constructor of `{cause.name}` never calls `post_init`, which merges its plans",
        label="ends without it",
        help="end the constructor with `self.post_init()`",
    )

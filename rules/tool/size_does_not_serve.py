"""The model does not serve at a size that was asked for.

## What it does
Reports a size that provably fails or answers something else where no other rule has an error to
show for it: a rule may call the same defect a warning, since other sizes or releases serve.

What is judged is the target.

## Why is this bad?
The engine refuses the model at this size, or answers garbage.

## Example
```sh
forgather-lint check MODEL --target vllm==0.13 -tp 2   # a model without a plan
```

## Use instead
```py
base_model_tp_plan = {"layers.*.mlp.up_proj": "colwise", "layers.*.mlp.down_proj": "rowwise"}
```
or a size that `forgather-lint matrix MODEL` says serves.

## What you see at run time
The error that the finding quotes.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts import NotExplained
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.judged import finding


@rule("FGL905", "size-does-not-serve", Severity.ERROR)
def check(fact: NotExplained) -> Iterator[Finding]:
    yield finding(fact.judged)

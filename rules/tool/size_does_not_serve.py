"""The model does not serve at a size that is judged.

## What it does
Reports a size that provably fails or answers something else where no other rule has an error to
show for it: a rule may call the same defect a warning, since other sizes or releases serve.

Where no sizes were asked for, ranks are reported at the first size above one that fails, and stages
where the model has a pipeline plan or the release infers one. A model that has none, and of which
the release infers none, is one that nobody meant to cut: FGL311 and FGL290 say so, and it is no
error until stages are asked for.

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
    judged = fact.judged
    verdict = "does not serve" if judged.verdict == "fails" else "answers something else than"
    yield finding(judged, f"{judged.target.said} {verdict} this model at {judged.sizes}")

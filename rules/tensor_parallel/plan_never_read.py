"""A plan stands in an attribute that nobody reads.

## What it does
Reports plan-like attributes under a name that neither transformers nor vLLM looks up, such as
`tp_plan` on a config class, where `base_model_tp_plan` is read.

## Why is this bad?
The plan is complete, correct and without effect.

## Example
```py
class MyConfig(PretrainedConfig):
    tp_plan = {"layers.*.mlp.up_proj": "colwise"}
```

## Use instead
```py
class MyConfig(PretrainedConfig):
    base_model_tp_plan = {"layers.*.mlp.up_proj": "colwise"}
```

## What you see at run time
As if there were no plan. vLLM up to 0.24: `ValueError: ... does not support tensor parallel.`
From 0.25.0: "... does not define a tensor parallel plan."
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts import IgnoredPlan, Model
from forgather_lint.linting.rule import rule


@rule("FGL111", "plan-never-read", Severity.ERROR)
def check(model: Model) -> Iterator[Finding]:
    for ignored in model.plans.ignored:
        yield _finding(ignored)


def _finding(ignored: IgnoredPlan) -> Finding:
    read = ignored.read_instead
    return Finding(
        where=ignored.where,
        message=f"`{ignored.owner}.{ignored.attribute}` is never read",
        label=f"`{read}` is read instead",
        consequence="the model behaves as if this plan were not there",
        help=f"rename the attribute to `{read}`",
    )

"""SGLang splits no model without a plan.

## What it does
Reports a model without a plan, on several ranks or stages of SGLang's Transformers backend.

## Why is this bad?
It infers no plan: neither for ranks nor for stages.

## Example
```py
class XConfig(PretrainedConfig):
    model_type = "x"
```

## Use instead
```py
class XConfig(PretrainedConfig):
    model_type = "x"
    base_model_tp_plan = {"layers.*.mlp.up_proj": "colwise", "layers.*.mlp.down_proj": "rowwise"}
```

## What you see at run time
`ValueError: <class '...XModel'> does not support tensor parallel yet!`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts import Judged
from forgather_lint.facts.causes.sglang import PlanMissing
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.judged import finding


@rule(
    "FGL801",
    "plan-missing",
    Severity.ERROR,
    explains=PlanMissing,
    rests_on=(
        "sglang/plan.missing",
        "sglang/pipeline.missing",
    ),
)
def check(judged: Judged, cause: PlanMissing) -> Iterator[Finding]:
    yield finding(judged, f"SGLang infers no {cause.kind}-parallel plan, and the model has none")

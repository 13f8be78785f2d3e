"""The same key stands twice in one plan.

## What it does
Reports a key that a plan's dict literal or JSON object repeats.

## Why is this bad?
Python and JSON keep the last value and say nothing: the first line, which a reader sees first,
does nothing.

The fix is safe because the value that counts, and its place in the order, stay what they are.

## Example
```py
base_model_tp_plan = {
    "layers.*.mlp.down_proj": "rowwise",
    "layers.*.mlp.down_proj": "colwise",
}
```

## Use instead
```py
base_model_tp_plan = {
    "layers.*.mlp.down_proj": "rowwise",
}
```

## What you see at run time
Nothing: the last value counts. Whatever it does wrong shows later, as a shape error or a wrong
answer.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Label, Severity
from forgather_lint.facts import DuplicateKey, Model
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.edits import merge_duplicate


@rule("FGL106", "duplicate-plan-key", Severity.ERROR)
def check(model: Model) -> Iterator[Finding]:
    plans = model.plans
    for plan in (plans.tp, plans.pp, plans.class_tp, plans.class_pp):
        for duplicate in plan.duplicates:
            yield _finding(duplicate)


def _finding(duplicate: DuplicateKey) -> Finding:
    return Finding(
        where=duplicate.second,
        message=f"`{duplicate.key}` stands twice in this plan; the first value is lost",
        label="this value counts",
        related=(Label(duplicate.first, "this value is lost"),),
        consequence="nothing: Python and JSON keep the last value without a message",
        help="keep one of the two",
        fix=merge_duplicate(duplicate.first, duplicate.second, duplicate.key),
    )

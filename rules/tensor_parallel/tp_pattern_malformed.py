"""A key of the tensor-parallel plan is no regular expression.

## What it does
Reports keys of `base_model_tp_plan` and `_tp_plan` that cannot be compiled: an open bracket, a
repetition of nothing. vLLM reads them with the module `regex`, which takes more than Python's own
`re`: what only the latter refuses is not reported.

## Why is this bad?
vLLM tries every key on the name of every linear layer, so that one such key ends the start on
several ranks. transformers looks the key up as it stands, and finds nothing.

## Example
```py
base_model_tp_plan = {"layers.(.mlp.up_proj": "colwise"}
```

## Use instead
```py
base_model_tp_plan = {"layers.*.mlp.up_proj": "colwise"}
```

## What you see at run time
`error: missing ), unterminated subpattern at position 13`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts import Model, PlanEntry
from forgather_lint.facts.causes.placement import PatternMalformed
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.keys import error_of


@rule("FGL112", "tp-pattern-malformed", Severity.ERROR, explains=PatternMalformed)
def check(model: Model) -> Iterator[Finding]:
    for entry in (*model.plans.tp.entries, *model.plans.class_tp.entries):
        error = error_of(entry.full_key)
        if error is not None:
            yield _finding(entry, error)


def _finding(entry: PlanEntry, error: str) -> Finding:
    return Finding(
        where=entry.key_where,
        message=f"`{entry.full_key}` is no regular expression",
        label=error,
        consequence=f"vLLM, on two ranks or more: `error: {error}`; transformers finds no layer",
        help="write names with dots between them, and `*` for numbers",
    )

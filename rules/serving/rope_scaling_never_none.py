"""The model reads `rope_scaling` as in transformers 4, where it was None without a scaling.

## What it does
Builds the model as the target's transformers does. From 5.0 on `rope_scaling` is another name of
`rope_parameters`, a dict that is there without any scaling, with `rope_type` and without `type`.

## Why is this bad?
Code written for 4.x takes the branch for a scaled model and reads a key that is not there.

## Example
```py
if config.rope_scaling is not None:
    kind = config.rope_scaling["type"]
```

## Use instead
```py
kind = (config.rope_scaling or {}).get("rope_type", "default")
```

## What you see at run time
`KeyError: 'type'`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.code import RopeScalingNeverNone
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL569",
    "rope-scaling-never-none",
    Severity.ERROR,
    explains=RopeScalingNeverNone,
    rests_on=("transformers/config.renamed_fields",),
)
def check(problem: ServingProblem) -> Iterator[Finding]:
    yield finding(
        problem,
        "`rope_scaling` is never None in transformers 5: it is another name of `rope_parameters`",
        label="it is not what this expects",
        help="read `rope_parameters` and its `rope_type`",
    )

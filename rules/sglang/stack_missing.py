"""The pipeline plan does not name one stack of layers.

## What it does
Reports a pipeline plan that names no `nn.ModuleList`, or several.

## Why is this bad?
SGLang's Transformers backend shares out the elements of exactly one.

## Example
```py
base_model_pp_plan = {"embed_tokens": ..., "norm": ...}
```

## Use instead
```py
base_model_pp_plan = {"embed_tokens": ..., "layers": ..., "norm": ...}
```

## What you see at run time
`ValueError: Could not find ModuleList in <class '...XModel'>.`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts import Judged
from forgather_lint.facts.causes.sglang import StackMissing
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.judged import finding


@rule(
    "FGL802",
    "stack-missing",
    Severity.ERROR,
    explains=StackMissing,
    rests_on=(
        "sglang/pipeline.no_list",
        "sglang/pipeline.several_lists",
    ),
)
def check(judged: Judged, cause: StackMissing) -> Iterator[Finding]:
    number = "several" if cause.several else "none"
    cuts = "SGLang cuts one list of layers into stages"
    yield finding(judged, f"{cuts}, and the pipeline plan names {number}")

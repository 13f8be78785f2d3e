"""An entry of auto_map is null or a list.

## What it does
Reports `auto_map` itself, or its entries for `AutoConfig` and `AutoModel`, that are no text.

## Why is this bad?
transformers takes the entry apart as `file.Class`. A list is for tokenizers only.

## Example
```json
{"auto_map": {"AutoModel": ["modeling_x.XModel", null]}}
```

## Use instead
```json
{"auto_map": {"AutoModel": "modeling_x.XModel"}}
```

## What you see at run time
`TypeError: argument of type 'NoneType' is not iterable`, or
`AttributeError: 'list' object has no attribute 'split'` (measured on 0.13, 0.25 and 0.32). For a
list vLLM 0.32 shows another: `AttributeError: 'TransformersForCausalLM' object has no attribute
'_pre_trained_model_classes'`.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.config import ReferenceMalformed
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL539",
    "auto-map-malformed",
    Severity.ERROR,
    explains=ReferenceMalformed,
    rests_on=(
        "transformers/loading.reference_not_text",
        "transformers/loading.reference_null",
        "transformers/loading.auto_map_null",
    ),
)
def check(problem: ServingProblem, cause: ReferenceMalformed) -> Iterator[Finding]:
    yield finding(
        problem,
        f"`{cause.name}` in config.json is not a class reference",
        label="must be `file.Class`",
        help='write `"file.Class"`, or leave the entry out',
    )

"""`layer_types` of the config is refused by transformers.

## What it does
Holds the entries of `layer_types` against those that the target's transformers knows, and their
number against the number of layers, where the base config checks them, at the end of
`super().__init__`.

## Why is this bad?
The config cannot be made, so the model cannot be loaded.

## Example
```json
{"layer_types": ["full_attention", "sparse_topk"]}
```

## Use instead
```json
{"layer_types": ["full_attention", "full_attention"], "own_layer_types": ["dense", "topk"]}
```

## What you see at run time
`StrictDataclassClassValidationError: Class validation error for validator 'validate_layer_type'`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.code import LayerTypeRefused
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding, since


@rule(
    "FGL568",
    "layer-type-refused",
    Severity.ERROR,
    explains=LayerTypeRefused,
    rests_on=(
        "transformers/config.layer_types",
        "transformers/config.layer_type_unknown",
        "transformers/config.layer_types_length",
        "transformers/config.layer_types_renamed",
    ),
)
def check(problem: ServingProblem) -> Iterator[Finding]:
    yield finding(
        problem,
        f"transformers refuses what `layer_types` of the config says{since(problem)}",
        label="checked here",
        help="keep kinds of your own under another name than `layer_types`",
    )

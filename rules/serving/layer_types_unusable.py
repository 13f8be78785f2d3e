"""The layer types of the config are null, or fewer than the layers.

## What it does
Reports `layer_types` that is null or shorter than `num_hidden_layers`.

## Why is this bad?
vLLM indexes it by the number of each layer as soon as the attribute exists.

## Example
```json
{"num_hidden_layers": 2, "layer_types": null}
```

## Use instead
```json
{"num_hidden_layers": 2, "layer_types": ["full_attention", "full_attention"]}
```

## What you see at run time
`TypeError: 'NoneType' object is not subscriptable`; `IndexError: list index out of range`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.config import LayerTypesUnusable
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL516",
    "layer-types-unusable",
    Severity.ERROR,
    explains=LayerTypesUnusable,
    rests_on=("vllm/attention.layer_types_null", "vllm/attention.layer_types_short"),
)
def check(problem: ServingProblem, cause: LayerTypesUnusable) -> Iterator[Finding]:
    yield finding(
        problem,
        f"`layer_types` does not say the type of each layer: {cause.found}",
        label="indexed by layer",
        help="name a type for each layer, or leave the key out",
    )

"""A layer that the quantization is to leave alone is none of the model.

## What it does
Looks for every name and expression of `ignore`, `modules_to_not_convert` or `ignored_layers` among
the layers that the release builds, after it has renamed them as it does.

## Why is this bad?
The entry is of no effect: either it is stale, or the layer that was meant is quantized. Then its
tensors find no place.

## Example
```json
{"quantization_config": {"ignore": ["model.layers.9.mlp.down_proj"]}}
```
for a model with four layers.

## Use instead
The name that the layer has in the checkpoint, such as `model.layers.3.mlp.down_proj`, or no entry.

## What you see at run time
Nothing. Where the layer was not quantized: `ValueError: There is no module or parameter named
'model.layers.0.mlp.down_proj.weight' in TransformersForCausalLM.`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.quantization import ListedNowhere
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL596",
    "quantization-keeps-nothing",
    Severity.WARNING,
    explains=ListedNowhere,
    rests_on=("vllm/quantization.nothing_listed",),
)
def check(problem: ServingProblem, cause: ListedNowhere) -> Iterator[Finding]:
    more = f", and {cause.several - 1} more" if cause.several > 1 else ""
    yield finding(
        problem,
        f"the quantization leaves out `{cause.name}`{more}, and no layer is called so",
        label="no layer has this name",
    )

"""An attention module has no `layer_idx`, by which vLLM finds the cache of its layer.

## What it does
Reports a module that calls the attention interface and has no attribute `layer_idx`.

## Why is this bad?
vLLM keeps one cache for each layer and finds it by that number.

## Example
```py
class Attention(nn.Module):
    def __init__(self, config):
        self.config = config
```

## Use instead
```py
class Attention(nn.Module):
    def __init__(self, config, layer_idx):
        self.config = config
        self.layer_idx = layer_idx
```

## What you see at run time
Before 0.30: `AttributeError: 'X' object has no attribute 'layer_idx'`. Later: `ValueError: Layer 0
does not dispatch through the Transformers attention interface and vLLM has no other way to handle
it.`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.attention import NoLayerIndex
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL513",
    "layer-index-missing",
    Severity.ERROR,
    explains=NoLayerIndex,
    rests_on=("vllm/attention.no_layer_index",),
)
def check(problem: ServingProblem, cause: NoLayerIndex) -> Iterator[Finding]:
    yield finding(
        problem,
        f"`{cause.name}` has no `layer_idx`, by which vLLM finds its cache",
        label="built here",
        help="set `self.layer_idx` to the number of the layer",
    )

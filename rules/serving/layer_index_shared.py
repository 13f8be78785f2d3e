"""Layers share one `layer_idx` or one attention module, or a layer runs twice.

## What it does
Reports two layers whose attention says the same index, an attention module that stands in several
layers, and a module whose attention runs twice in one forward.

No release refuses a layer that runs twice.

## Why is this bad?
The index chooses the KV cache. Two layers with one index write over each other's keys and values;
so do two runs of one layer. The first token comes out right, the ones behind it do not.

## Example
```py
self.layers = nn.ModuleList([Layer(config, 0) for _ in range(config.num_hidden_layers)])
```

## Use instead
```py
self.layers = nn.ModuleList([Layer(config, index) for index in range(config.num_hidden_layers)])
```

## What you see at run time
`ValueError: Layer 0 dispatches attention from more than one module (model.layers.0.self_attn and
model.layers.1.self_attn), which one vLLM attention layer cannot serve.` Where nothing is said:
fluent nonsense from the second token on.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.attention import CacheShared
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL534",
    "layer-index-shared",
    Severity.ERROR,
    explains=CacheShared,
    rests_on=("vllm/attention.shared_layer",),
)
def check(problem: ServingProblem, cause: CacheShared) -> Iterator[Finding]:
    yield finding(
        problem,
        f"{cause.shared_by} share one KV cache",
        label=f"the index of `{problem.module}` too" if problem.module else "the second run",
        help="give each layer an attention of its own, with the number of the layer",
    )

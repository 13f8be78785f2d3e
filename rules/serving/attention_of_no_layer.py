"""An attention belongs to a layer that the config does not count.

## What it does
Reports an attention that runs with a `layer_idx` of `num_hidden_layers` or more.

## Why is this bad?
vLLM makes one attention with a KV cache for each layer that the config counts. A layer that the
model builds beyond them finds none.

## Example
```py
self.layers = nn.ModuleList(
    [Layer(config, index) for index in range(config.num_hidden_layers + 1)]
)
```

## Use instead
```py
self.layers = nn.ModuleList([Layer(config, index) for index in range(config.num_hidden_layers)])
```

## What you see at run time
`KeyError: 2`, from 0.30 on `AttributeError: 'XAttention' object has no attribute 'attn'`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.attention import NoAttentionForLayer
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL581",
    "attention-of-no-layer",
    Severity.ERROR,
    explains=NoAttentionForLayer,
    rests_on=("vllm/attention.no_attention",),
)
def check(problem: ServingProblem, cause: NoAttentionForLayer) -> Iterator[Finding]:
    yield finding(
        problem,
        f"`{cause.name}` is of layer {cause.index}, and the config counts {cause.layers} layers",
        label="no attention of vLLM is there for it",
        help="count layers from 0, and write their number into the config",
    )

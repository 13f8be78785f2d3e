"""No forward calls the attention interface where vLLM looks for it.

## What it does
vLLM 0.30 reads the text of every forward. In one of them a local name has to be bound to
`ALL_ATTENTION_FUNCTIONS[...]` or `ALL_ATTENTION_FUNCTIONS.get_interface(...)` and called, exactly
once, in a module with a `config` and an integer `layer_idx`. Reports the first layer for which
there is none.

## Why is this bad?
A function that was looked up in the constructor, or in a helper, is not seen: the layer has no
attention that vLLM can give a cache.

## Example
```py
def __init__(self, ...):
    self.attn_fn = ALL_ATTENTION_FUNCTIONS[attn_implementation]

def forward(self, hidden_states, **kwargs):
    attended, _ = self.attn_fn(self, query, key, value, mask)
```

## Use instead
```py
def forward(self, hidden_states, **kwargs):
    attend = ALL_ATTENTION_FUNCTIONS[self.config._attn_implementation]
    attended, _ = attend(self, query, key, value, mask, scaling=self.scaling, **kwargs)
```

## What you see at run time
`ValueError: Layer 0 does not dispatch through the Transformers attention interface and vLLM has no
other way to handle it.`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.attention import NotDispatchedInForward
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL512",
    "attention-not-dispatched-in-forward",
    Severity.ERROR,
    explains=NotDispatchedInForward,
    rests_on=("vllm/attention.no_dispatch",),
)
def check(problem: ServingProblem, cause: NotDispatchedInForward) -> Iterator[Finding]:
    yield finding(
        problem,
        cause.defect,
        label=cause.label,
        help=cause.way_out,
    )

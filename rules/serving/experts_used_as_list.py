"""A block picks its experts one by one, but vLLM has put one fused layer in their place.

## What it does
Where the config says that the model has experts, vLLM replaces every child called `experts` that is
an `nn.ModuleList`, or whose parameters all have three dimensions, by one fused layer that is called
with the hidden states, the chosen experts and their weights. Reported is a `forward` that indexes,
iterates or measures the list that is gone. A block whose router vLLM may take over as well (a child
with a `weight` that is no `nn.Linear`) is left out: there the whole `forward` may be replaced.

Beside transformers 4, experts are refused altogether (FGL506).

## Why is this bad?
The model loads and fails at its first token, at every size.

## Example
```py
for index, expert in enumerate(self.experts):
    output = output + expert(hidden_states) * weights[..., index, None]
```

## Use instead
```py
# `experts` is a module of its own: forward(hidden_states, top_k_index, top_k_weights)
output = self.experts(hidden_states, top_k_index, top_k_weights)
```

## What you see at run time
`TypeError: 'TransformersMoERunner' object is not iterable` (up to 0.24 the class is called
`TransformersFusedMoE`)
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.core.version import ReleaseRange
from forgather_lint.facts import Judged
from forgather_lint.facts.causes.experts import ExpertsUsedAsList
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.judged import raised_at_every_size


@rule(
    "FGL540",
    "experts-used-as-list",
    Severity.ERROR,
    explains=ExpertsUsedAsList,
    rests_on=("vllm/config.experts",),
)
def check(judged: Judged) -> Iterator[Finding]:
    yield raised_at_every_size(
        judged,
        "vLLM replaces `experts` by one layer, which is no list",
        help="call `self.experts(hidden_states, top_k_index, top_k_weights)`",
        releases=ReleaseRange.parse("vllm>=0.11.1"),
    )

"""The weights of experts have names or shapes that vLLM's layer in their place does not load.

## What it does
vLLM's layer loads stacks called `gate_up_proj` or `w13` of shape `(experts, 2 * width, hidden)` and
`down_proj` or `w2` of shape `(experts, hidden, width)`, and of single experts `gate_proj`,
`up_proj`, `down_proj` or `w1`, `w3`, `w2`. Reported are other names, and stacks that lie the other
way round.

From 0.33 on vLLM takes stacks the other way round if `is_transposed` says so: such experts are
undecided there.

## Why is this bad?
Weights under other names are passed over without a word, and the layer computes with whatever is in
memory. Stacks that lie the other way round end the loading.

## Example
```py
self.wi = nn.Parameter(torch.empty(num_experts, 2 * width, hidden))
```

## Use instead
```py
self.gate_up_proj = nn.Parameter(torch.empty(num_experts, 2 * width, hidden))
```

## What you see at run time
Nothing, or `RuntimeError: The size of tensor a (64) must match the size of tensor b (128) at
non-singleton dimension 1` (both measured on 0.32).
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.core.version import ReleaseRange
from forgather_lint.facts import Judged
from forgather_lint.facts.causes.experts import ExpertWeightsLost
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.judged import other_answer, raised_at_every_size


@rule(
    "FGL573",
    "experts-weights-lost",
    Severity.ERROR,
    explains=ExpertWeightsLost,
    rests_on=("vllm/experts.block_replaced",),
)
def check(judged: Judged, cause: ExpertWeightsLost) -> Iterator[Finding]:
    message = f"vLLM's layer of experts does not load the weights `{cause.name}`"
    help = "name them `gate_up_proj` and `down_proj`, or the Linears of each expert "
    help += "`gate_proj`, `up_proj` and `down_proj`"
    if judged.verdict == "fails":
        yield raised_at_every_size(judged, message, help, ReleaseRange.parse("vllm>=0.25"))
    else:
        yield other_answer(judged, message, help)

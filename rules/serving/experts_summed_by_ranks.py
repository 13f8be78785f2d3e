"""The sum of experts over several ranks holds something once for each rank.

## What it does
vLLM's layer adds up what its ranks computed. Biases of the projections down are whole on every
rank, and so is the output of a shared expert that the layer runs, unless vLLM has fused its gate
and up and leaves the sum of its `down_proj` to the layer. Reported are experts with such a bias,
and shared experts whose output is whole on every rank.

## Why is this bad?
One rank answers right. On two the bias or the shared expert counts twice, without a word.

## Example
```py
self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))  # the shared expert
```

## Use instead
```py
self.down_proj(self.act_fn(self.gate_proj(x)) * self.up_proj(x))  # act_fn = nn.SiLU(): is fused
```

## What you see at run time
Nothing: other tokens than on one rank (measured on 0.32 with two ranks).
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts import Judged
from forgather_lint.facts.causes.experts import SummedByRanks
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.judged import finding


@rule(
    "FGL574",
    "experts-summed-by-ranks",
    Severity.ERROR,
    explains=SummedByRanks,
    rests_on=("vllm/experts.shared_summed_once",),
)
def check(judged: Judged) -> Iterator[Finding]:
    yield finding(judged)

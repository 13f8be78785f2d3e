"""Experts compute something that vLLM's layer in their place does not.

## What it does
vLLM's layer computes `weight * down(silu(gate(x)) * up(x))` for each chosen expert and adds that
up, and the forward of the experts is gone. The gate is the first half of `gate_up_proj`. Reported
are experts that surely do something else: a factor on their input or output, another activation
called as a function, the second half as the gate, no gate at all. What is not understood is
undecided.

Beside transformers 4, experts are refused altogether (FGL506).

## Why is this bad?
The model loads, answers, and says something else.

## Example
```py
up, gate = F.linear(x, self.gate_up_proj[expert]).chunk(2, dim=-1)
```

## Use instead
```py
gate, up = F.linear(x, self.gate_up_proj[expert]).chunk(2, dim=-1)
```
vLLM leaves a list alone that is not called `experts`.

## What you see at run time
Nothing: other tokens than transformers generates (9 variants run on 0.32, one rank and two).
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts import Judged
from forgather_lint.facts.causes.experts import ExpertsComputeOtherwise
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.judged import other_answer


@rule(
    "FGL572",
    "experts-computation-replaced",
    Severity.ERROR,
    explains=ExpertsComputeOtherwise,
    rests_on=("vllm/config.experts",),
)
def check(judged: Judged) -> Iterator[Finding]:
    yield other_answer(
        judged,
        "vLLM's layer in the place of the experts computes something else",
        help="vLLM leaves a list alone that is not called `experts`",
    )

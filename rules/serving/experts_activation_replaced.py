"""Experts with another activation than SiLU compute with SiLU all the same.

## What it does
vLLM puts one fused layer in the place of experts; between their projections it computes SiLU,
whatever the model says (only architectures with `gptoss` in their name get another). Reported are
experts that hold another activation module. An activation that is called as a function is not seen.

Beside transformers 4, experts are refused altogether (FGL506).

## Why is this bad?
The model loads, answers, and says something else.

## Example
```py
class Expert(nn.Module):
    def __init__(self, config):
        self.act = nn.GELU()
```

## Use instead
```py
class Expert(nn.Module):
    def __init__(self, config):
        self.act = nn.SiLU()  # or give the list another name than `experts`: it stays as it is
```

## What you see at run time
Nothing: other tokens than transformers generates (measured on 0.32).
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.experts import ExpertsActivationReplaced
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL542",
    "experts-activation-replaced",
    Severity.ERROR,
    explains=ExpertsActivationReplaced,
    rests_on=("vllm/experts.activation",),
)
def check(problem: ServingProblem, cause: ExpertsActivationReplaced) -> Iterator[Finding]:
    yield finding(
        problem,
        f"`{problem.module}` activates with {cause.activation}; vLLM computes SiLU",
        label=f"`{cause.name}` is replaced",
        help="vLLM leaves a list alone that is not called `experts`",
    )

"""A module that says it is not causal makes an encoder of the whole model.

## What it does
Reports `is_causal = False` on a module of a model of text that generates, or that has causal
attention as well. A model that is an encoder throughout is what vLLM takes it for.

## Why is this bad?
vLLM looks for one such module. Then every layer attends in both directions and keeps no cache.

## Example
```py
self.is_causal = False
```

## Use instead
```py
self.is_causal = True
```

## What you see at run time
Beside transformers 4 `ImportError: Transformers modeling backend requires transformers>=5.0.0 for
encoder models support`; else nothing: other tokens.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.config import NotCausal
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL527",
    "not-causal",
    Severity.ERROR,
    explains=NotCausal,
    rests_on=("vllm/attention.not_causal",),
)
def check(problem: ServingProblem, cause: NotCausal) -> Iterator[Finding]:
    yield finding(
        problem,
        f"`{cause.name}` says that it is not causal: vLLM takes the model for an encoder",
        label="every layer then attends in both directions",
        help="set it to True, or leave it out",
    )

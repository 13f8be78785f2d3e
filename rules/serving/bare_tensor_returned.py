"""The base model returns a bare tensor, and vLLM takes the first item of what it returns.

## What it does
Runs `forward` and looks at what it returns.

## Why is this bad?
vLLM takes `outputs[0]`, then the first of the batch. Of a bare tensor that is a single token.

## Example
```py
return self.norm(hidden_states)
```

## Use instead
```py
return BaseModelOutputWithPast(last_hidden_state=self.norm(hidden_states))
```

## What you see at run time
An error about the shape of the hidden states, at the first token.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.code import BareTensorReturned
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL518",
    "bare-tensor-returned",
    Severity.ERROR,
    explains=BareTensorReturned,
    rests_on=("vllm/forward.hidden_states",),
)
def check(problem: ServingProblem, cause: BareTensorReturned) -> Iterator[Finding]:
    yield finding(
        problem,
        f"`{cause.name}` returns a bare tensor where vLLM expects a tuple",
        label="vLLM takes item 0 of it",
        help="return a tuple or a `BaseModelOutputWithPast`",
    )

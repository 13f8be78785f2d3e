"""The base model's forward does not take, or does not name, what vLLM passes.

## What it does
Compares the signature of `forward` with the keywords that vLLM passes. From 0.19.1 on `input_ids`,
`inputs_embeds` and `position_ids` also have to stand in it by name, even where `**kwargs` would
take them.

## Why is this bad?
vLLM marks these arguments as dynamic by their names.

## Example
```py
def forward(self, input_ids=None, inputs_embeds=None, **kwargs): ...
```

## Use instead
```py
def forward(self, input_ids=None, inputs_embeds=None, position_ids=None, **kwargs): ...
```

## What you see at run time
`TypeError: X.forward() got an unexpected keyword argument 'attention_instances'`; `ValueError:
Argument position_ids not found in the forward method of X`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.code import ArgumentNotAccepted
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL517",
    "engine-argument-not-accepted",
    Severity.ERROR,
    explains=ArgumentNotAccepted,
    rests_on=("vllm/forward.unexpected_argument", "vllm/forward.decoder_argument_missing"),
)
def check(problem: ServingProblem, cause: ArgumentNotAccepted) -> Iterator[Finding]:
    state = "not named" if cause.named else "not accepted"
    yield finding(
        problem,
        f"`{cause.name}` is {state} in the forward of the base model",
        label="called by vLLM",
        help="name `input_ids`, `inputs_embeds`, `position_ids` and take `**kwargs`",
    )

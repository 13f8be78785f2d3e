"""A function of transformers no longer takes an argument that the model passes.

## What it does
Runs `forward` with the signatures of the target's transformers: `input_embeds` of the functions
that make masks became `inputs_embeds`.

## Why is this bad?
The first call of `forward` raises, which vLLM makes while it measures its memory.

## Example
```py
create_causal_mask(config=config, input_embeds=hidden_states, ...)
```

## Use instead
```py
create_causal_mask(config, hidden_states, ...)
```

## What you see at run time
`TypeError: create_causal_mask() got an unexpected keyword argument 'input_embeds'`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.code import MaskEmbedsRenamed
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL529",
    "removed-argument",
    Severity.ERROR,
    explains=MaskEmbedsRenamed,
    rests_on=("transformers/modeling.mask_embeds_renamed",),
)
def check(problem: ServingProblem, cause: MaskEmbedsRenamed) -> Iterator[Finding]:
    yield finding(
        problem,
        f"`{cause.name}` no longer takes `input_embeds`",
        label="called here",
        help="pass it by position: both releases take that",
    )

"""The model counts the positions of tokens itself, from the first one that vLLM hands over.

## What it does
Follows what a model counts along the tokens (`torch.arange(x.shape[1])`, the first rows of a table
of positions) into the hidden states: rows looked up in a table, sines and cosines of angles.

## Why is this bad?
vLLM hands over the new tokens alone, and those of several sequences side by side. After the prompt
that is one token of each sequence, whose position is not the first. It says where tokens stand in
`position_ids`, as transformers does.

## Example
```py
positions = torch.arange(inputs_embeds.shape[1])
hidden_states = inputs_embeds + self.wpe(positions)
```

## Use instead
```py
if position_ids is None:
    position_ids = torch.arange(inputs_embeds.shape[1]).unsqueeze(0)
hidden_states = inputs_embeds + self.wpe(position_ids)
```

## What you see at run time
Nothing: other tokens than transformers generates (measured on 0.32).
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts import Judged
from forgather_lint.facts.causes.tokens import PositionsCounted
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.judged import other_answer


@rule("FGL579", "positions-counted-by-model", Severity.ERROR, explains=PositionsCounted)
def check(judged: Judged) -> Iterator[Finding]:
    yield other_answer(
        judged,
        "the model counts positions from the first token that vLLM hands over",
        "take the positions from `position_ids`, which vLLM passes to the model",
    )

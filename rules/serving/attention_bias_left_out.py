"""The mask of an attention holds a bias by position, which vLLM leaves out.

## What it does
Follows positions and distances between them into the `attention_mask` that a model hands to
transformers' attention interface, as models with ALiBi do.

## Why is this bad?
vLLM's attention knows by itself which tokens may look at which, and never looks at the mask. A bias
in it is not added to the scores.

## Example
```py
distance = position_ids[:, None, :] - position_ids[:, :, None]
bias = slopes[:, None, None] * distance[:, None]
attention_mask = bias.masked_fill(distance[:, None] > 0, float("-inf"))
```

## Use instead
Positions that queries and keys carry themselves; nothing hands a bias to vLLM's attention from a
model of transformers.

```py
query, key = apply_rotary_pos_emb(query, key, cos, sin)
```

## What you see at run time
Nothing: other tokens than transformers generates (measured on 0.32).
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts import Judged
from forgather_lint.facts.causes.attention import BiasLeftOut
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.judged import other_answer


@rule("FGL578", "attention-bias-left-out", Severity.ERROR, explains=BiasLeftOut)
def check(judged: Judged) -> Iterator[Finding]:
    yield other_answer(
        judged,
        "vLLM's attention looks at no mask, and leaves out the bias in it",
        "give queries and keys their positions themselves, by rotary embeddings",
    )

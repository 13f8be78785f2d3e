"""The model puts tokens together by an op of its own, outside the attention of vLLM.

## What it does
Follows the hidden states through the forward and reports a sum, a softmax, a product, a
convolution or a shift along the tokens whose result reaches the answer of the model.

## Why is this bad?
vLLM hands over the new tokens of several sequences side by side, and keeps keys and values of
them alone. Other sequences are taken for earlier tokens, and from the second step on there are no
earlier tokens: a convolution over time, a token shift, a running mean, a recurrence or attention
computed without the interface start anew with every token.

## Example
```py
mixed = self.conv(x.transpose(1, 2))[..., : x.shape[1]].transpose(1, 2)
```

## Use instead
```py
attention = ALL_ATTENTION_FUNCTIONS[self.config._attn_implementation]
out, _ = attention(self, query, key, value, attention_mask, scaling=self.scaling, **kwargs)
```

## What you see at run time
Nothing: other tokens than transformers generates (measured on 0.32 for a convolution, a shift, a
running sum, a roll, a mean, a softmax and scores by hand in the feed-forward). Attention without
the interface is refused from 0.30 on (FGL512); before, its second token is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts import Judged
from forgather_lint.facts.causes.tokens import TokensMeet
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.judged import other_answer


@rule("FGL575", "tokens-mixed-by-model", Severity.ERROR, explains=TokensMeet)
def check(judged: Judged) -> Iterator[Finding]:
    yield other_answer(
        judged,
        "vLLM keeps no state for what the model computes between tokens",
        "let tokens meet in the attention that `ALL_ATTENTION_FUNCTIONS` gives, nowhere else",
    )

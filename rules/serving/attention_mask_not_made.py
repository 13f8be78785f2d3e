"""`forward` takes an attention mask apart that is None behind vLLM's attention.

## What it does
Runs `forward` twice on one rank: with transformers' own attention, and with vLLM's, for which
`create_causal_mask` and its like make no mask. Reported is code that only the second run brings to
an error about None.

transformers makes no mask for an attention function that it has none for.

## Why is this bad?
The model trains, and generates with transformers; on vLLM it fails at its first token, at every
size. vLLM knows by itself which tokens may look at which; it applies no other mask.

## Example
```py
topk = self.indexer(hidden_states, attention_mask[:, 0, :, :])
```

## Use instead
```py
mask = None if attention_mask is None else attention_mask[:, 0, :, :]
topk = self.indexer(hidden_states, mask)  # and let the indexer look back only, by itself
```

## What you see at run time
`TypeError: 'NoneType' object is not subscriptable` (measured on 0.32, with GLM-MoE-DSA)
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts import Judged
from forgather_lint.facts.causes.running import MaskNotMade
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.judged import raised_at_every_size


@rule("FGL549", "attention-mask-not-made", Severity.ERROR, explains=MaskNotMade)
def check(judged: Judged) -> Iterator[Finding]:
    yield raised_at_every_size(
        judged,
        "`forward` needs an attention mask, and behind vLLM's attention there is none",
        help="let the code do without a mask: `None` means causal attention",
    )

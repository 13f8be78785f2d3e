"""The code behind the attention expects another shape than vLLM's attention returns.

## What it does
Runs `forward` twice on one rank: with transformers' own attention, whose output is
`[batch, tokens, heads, head size]`, and with vLLM's, whose output has two dimensions,
`[tokens, heads * head size]`. Reported is an error that only the second run meets.

vLLM's attention has returned two dimensions since 0.8.5.

## Why is this bad?
The model trains, and generates with transformers; on vLLM it fails at its first token, at every
size.

## Example
```py
attended, _ = attention_interface(self, query, key, value, attention_mask, **kwargs)
attended = attended.transpose(1, 2).reshape(*input_shape, -1)
```

## Use instead
```py
attended, _ = attention_interface(self, query, key, value, attention_mask, **kwargs)
attended = attended.reshape(*input_shape, -1)  # input_shape = hidden_states.shape[:-1]
```

## What you see at run time
`IndexError: Dimension out of range (expected to be in range of [-2, 1], but got 2)`, or
`RuntimeError: mat1 and mat2 shapes cannot be multiplied` (measured on 0.32)
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts import Judged
from forgather_lint.facts.causes.running import BehindAttention
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.judged import raised_at_every_size


@rule("FGL543", "attention-output-misread", Severity.ERROR, explains=BehindAttention)
def check(judged: Judged) -> Iterator[Finding]:
    yield raised_at_every_size(
        judged,
        "`forward` fails behind vLLM's attention, which returns `[tokens, features]`",
        help="give the output its shape with `reshape(*hidden_states.shape[:-1], -1)`",
    )

"""Attention sinks do not reach vLLM's attention.

## What it does
Reports `s_aux=` in the call of the attention interface, where the release ignores it, or where it
is anything but `self.<parameter>` in releases that look for the parameter.

## Why is this bad?
Without the sinks the softmax gives each score more than the model was trained with.

## Example
```py
attend(self, query, key, value, mask, s_aux=self.sinks.float(), **kwargs)
```

## Use instead
```py
attend(self, query, key, value, mask, s_aux=self.sinks, **kwargs)  # vLLM 0.30 and later
```

## What you see at run time
Up to 0.29 nothing: other tokens. Later, for an attribute that is no parameter, `ValueError: Cannot
resolve attention s_aux expression 'self.sinks' in XAttention.`; for a call, at the first token,
`ValueError: XAttention applies attention sinks, but they were not passed to Attention, so the
output would be wrong.` (measured on 0.32, which serves `s_aux=self.sinks`)
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.attention import SinksLost
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL535",
    "attention-sinks-lost",
    Severity.ERROR,
    explains=SinksLost,
    rests_on=("vllm/attention.sinks_lost", "vllm/attention.sinks_unresolved"),
)
def check(problem: ServingProblem, cause: SinksLost) -> Iterator[Finding]:
    yield finding(
        problem,
        f"the attention sinks `{cause.expression}` are {cause.what_happens} by vLLM",
        label="handed on as `s_aux` here",
        help="hand on `self.<parameter>` itself, and serve with vLLM 0.30 or later",
    )

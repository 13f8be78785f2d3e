"""The query heads of a rank are no multiple of its KV heads.

## What it does
Shares the head counts of the config out over the ranks as vLLM does, each rank with one KV head at
least, and asks whether every KV head gets as many query heads as the others.

## Why is this bad?
The engine's attention refuses to be built, and so does grouped attention in PyTorch. It may show
at some sizes only: 18 query heads and 9 KV heads fit one rank, but on two, 9 of them meet 4.

## Example
```json
{"num_attention_heads": 6, "num_key_value_heads": 4}
```

## Use instead
```json
{"num_attention_heads": 8, "num_key_value_heads": 4}
```

## What you see at run time
`AssertionError: num_heads (6) is not divisible by num_kv_heads (4)` (measured on 0.32)
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts import Judged
from forgather_lint.facts.causes.placement import KvHeadsDoNotDivide
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.judged import of_release


@rule(
    "FGL212",
    "kv-heads-do-not-divide",
    Severity.ERROR,
    explains=KvHeadsDoNotDivide,
    rests_on=("vllm/attention.heads_per_kv_uneven", "vllm/fusers.kv_heads_uneven"),
)
def check(judged: Judged) -> Iterator[Finding]:
    yield Finding(
        where=judged.where,
        message="the query heads of a rank are no multiple of its KV heads",
        label=judged.reason,
        consequence=f"{judged.target.said} fails at {judged.sizes}: `{judged.reason}`",
        help="make `num_attention_heads` a multiple of `num_key_value_heads` on every rank",
        releases=of_release(judged.target),
        target=str(judged.target),
    )

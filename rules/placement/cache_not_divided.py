"""Decode context parallelism asks for ranks that hold the same heads, and there are too few.

## What it does
With `--decode-context-parallel-size` ranks divide the tokens of a request instead of its heads.
They are tensor parallel ranks that have copies of the same KV head, so that there must be more
ranks than KV heads, no more to divide than copies, and the query heads of a KV head must be a
multiple of them. Models with compressed keys (`kv_lora_rank`) are not held to it, nor is it looked
at which attention of a device can divide tokens.

## Why is this bad?
The engine ends before it loads the model.

## Example
```sh
vllm serve models/llama --tensor-parallel-size 4 --decode-context-parallel-size 2   # 4 KV heads
```

## Use instead
```sh
vllm serve models/llama --tensor-parallel-size 8 --decode-context-parallel-size 2
```

## What you see at run time
`ValueError: Decode context parallelism for GQA/MQA requires `--tensor-parallel-size` (4) to be
greater than the model's total number of KV heads (4). ...`
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts import Judged
from forgather_lint.facts.causes.placement import CacheNotDivided
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.judged import finding


@rule(
    "FGL215",
    "cache-not-divided",
    Severity.ERROR,
    explains=CacheNotDivided,
    rests_on=(
        "vllm/config.context_without_copies",
        "vllm/config.context_beyond_copies",
        "vllm/config.context_heads_uneven",
    ),
)
def check(judged: Judged, cause: CacheNotDivided) -> Iterator[Finding]:
    yield replace(
        finding(judged),
        message=f"{cause.ranks} ranks cannot divide the cache of {cause.heads} KV heads",
        help="more tensor parallel ranks leave several with the same KV head",
    )

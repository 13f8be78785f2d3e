"""Query, key and value do not reach the attention sharded by heads.

## What it does
vLLM builds the attention of each rank for its share of the heads, whatever the plan says. Reports
projections of query, key or value that are whole on each rank, gathered, or unequally sharded.

A release with `QKVFuser` shards query, key and value itself where it recognises them.

## Why is this bad?
The surplus heads are read as further tokens. Up to 0.13 the model loads, answers and exits 0, and
the answer is garbage (measured on 0.13 with two ranks); from 0.14 the first run ends with an error
(read in its source).

Where exactly one entry in the other style, `colwise` or `rowwise`, makes this size serve, the fix
is to write that; the fix is unsafe because it splits a layer otherwise.

## Example
```py
"layers.*.self_attn.q_proj": "colwise",
"layers.*.self_attn.o_proj": "rowwise",  # k_proj and v_proj are missing
```

## Use instead
```py
"layers.*.self_attn.q_proj": "colwise",
"layers.*.self_attn.k_proj": "colwise",
"layers.*.self_attn.v_proj": "colwise",
"layers.*.self_attn.o_proj": "rowwise",
```

## What you see at run time
Up to 0.13 nothing: other tokens than on one rank. From 0.14 a `RuntimeError`, as the attention's
output is not as wide as the layer says.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts import Judged
from forgather_lint.facts.causes.placement import HeadsNotByRank
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.judged import finding


@rule(
    "FGL204",
    "heads-not-sharded",
    Severity.ERROR,
    explains=HeadsNotByRank,
    rests_on=("vllm/fusers.names", "vllm/attention.too_many_heads"),
)
def check(judged: Judged) -> Iterator[Finding]:
    yield finding(judged)

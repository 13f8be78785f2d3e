"""A packed projection is split after plain column sharding.

## What it does
Reports `chunk` and `split` of the output of a column-parallel layer along its features.

A release with `PackedQKVFuser` repairs a packed query-key-value projection that it recognises,
never gate and up.

## Why is this bad?
A column-parallel layer gives rank 0 the first half of the rows. If they hold `[gate; up]`, rank 0
gets all of gate and none of up: the shapes fit, the meaning does not.

Where exactly one entry in the other style, `colwise` or `rowwise`, makes this size serve, the fix
is to write that; the fix is unsafe because it splits a layer otherwise.

## Example
```py
gate, up = self.gate_up_proj(x).chunk(2, dim=-1)  # "colwise"
```

## Use instead
```py
gate, up = self.gate_proj(x), self.up_proj(x)  # two layers, both "colwise"
```

## What you see at run time
Nothing: wrong output.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts import Judged
from forgather_lint.facts.causes.placement import PackedPartsMixed
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.judged import finding


@rule(
    "FGL207",
    "packed-projection-split",
    Severity.ERROR,
    explains=PackedPartsMixed,
    rests_on=("vllm/fusers.names",),
)
def check(judged: Judged) -> Iterator[Finding]:
    yield finding(judged)

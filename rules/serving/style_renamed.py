"""A style has another name in this release of vLLM.

## What it does
Reports styles that some releases of vLLM know and the target does not: `colwise_rep` and
`rowwise_rep` became `colwise_gather_output` and `rowwise_split_input`.

## Why is this bad?
An unknown style replicates the layer without a word; if its partner is sharded, the shapes no
longer fit.

The fix is safe because both names stand for the same split.

## Example
```py
"layers.*.self_attn.o_proj": "rowwise_rep"
```

## Use instead
```py
"layers.*.self_attn.o_proj": "rowwise_split_input"
```

## What you see at run time
Nothing, or an error about shapes on several ranks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.plans import StyleRenamed
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.edits import SAFE, rename
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL524",
    "style-renamed",
    Severity.WARNING,
    explains=StyleRenamed,
    rests_on=("vllm/plan.styles",),
)
def check(problem: ServingProblem, cause: StyleRenamed) -> Iterator[Finding]:
    found = finding(
        problem,
        f"this release calls the style `{cause.old}` `{cause.new}`",
        label=f"`{cause.key}` is replicated",
        help=f"write `{cause.new}`, or `colwise` and `rowwise`, which all know",
    )
    title = f"Use `{cause.new}`"
    yield replace(found, fix=rename(problem.where, cause.new, title, SAFE))

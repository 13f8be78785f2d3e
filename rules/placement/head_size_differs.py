"""A layer has heads of another size than vLLM's attention.

## What it does
Compares the head size of the queries, keys and values that each layer hands to the attention with
the one that the engine reads from the config: `head_dim`, else `hidden_size` divided by the heads.

## Why is this bad?
The engine's attention has one head size for all layers, unless the config has an override for each
layer that transformers knows (`per_layer_config`). It cuts what it is given into heads of its own
size: attention between halves of heads, and an output of another width.

## Example
```py
self.head_dim = config.global_head_dim if is_global else config.head_dim
```

## Use instead
```py
self.head_dim = config.head_dim
```

## What you see at run time
`RuntimeError: mat1 and mat2 shapes cannot be multiplied` behind the attention; on a CPU before that
`RuntimeError: view size is not compatible with input tensor's size and stride` (measured on 0.32);
up to 0.13, which folds what is too much into the tokens, wrong output.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts import Judged
from forgather_lint.facts.causes.placement import HeadSizeDiffers
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.judged import of_release


@rule(
    "FGL213",
    "head-size-differs",
    Severity.ERROR,
    explains=HeadSizeDiffers,
)
def check(judged: Judged) -> Iterator[Finding]:
    verdict = "fails" if judged.verdict == "fails" else "answers something else"
    yield Finding(
        where=judged.where,
        message="a layer has heads of another size than vLLM's attention",
        label=judged.reason,
        consequence=f"{judged.target.said} {verdict} at every size: {judged.reason}",
        help="give every layer the head size of `config.head_dim`",
        module=judged.module or None,
        releases=of_release(judged.target),
        target=str(judged.target),
    )

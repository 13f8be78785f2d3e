"""The repeated block of the model is not in `_no_split_modules`.

## What it does
Finds the classes of the blocks in the model's stacks of layers (own parts with linear layers side
by side, which a residual connection spans) and reports those that `_no_split_modules` does not
list. An info if the attribute is not there at all.

transformers reads the attribute, vLLM does not.

## Why is this bad?
`device_map="auto"` cuts the model wherever memory runs out. A block that is cut between its input
and the addition of its residual adds tensors of two devices. FSDP finds nothing to wrap.

## Example
```py
class MyPreTrainedModel(PreTrainedModel):
    _no_split_modules = ["MyEmbedding"]
```

## Use instead
```py
class MyPreTrainedModel(PreTrainedModel):
    _no_split_modules = ["MyDecoderLayer"]
```

## What you see at run time
"RuntimeError: Expected all tensors to be on the same device, but found at least two devices,
cuda:0 and cuda:1!"
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Label, Severity
from forgather_lint.facts import Model, Module
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.blocks import repeated_blocks
from forgather_lint.linting.support.tree import class_name, is_within


@rule("FGL402", "no-split-block-missing", Severity.WARNING)
def check(model: Model) -> Iterator[Finding]:
    listed = {entry.name for entry in model.plans.no_split or ()}
    kept = [module.name for module in model.whole.modules if class_name(module) in listed]
    for block in repeated_blocks(model.whole):
        if not any(name and is_within(block.name, name) for name in kept):
            yield _finding(block, model)


def _finding(block: Module, model: Model) -> Finding:
    cls = class_name(block)
    declared = model.plans.no_split_where
    return Finding(
        where=declared or block.defined or model.where,
        message=f"the repeated block `{cls}` is not in `_no_split_modules`",
        label=f"does not list `{cls}`" if declared else "no class sets `_no_split_modules`",
        related=(Label(block.where, f"`{block.name}` is built here"),),
        consequence=(
            '`device_map="auto"` may cut the block: "Expected all tensors to be on the same '
            'device, but found at least two devices"'
        ),
        help=f'`_no_split_modules = ["{cls}"]`',
        module=block.name,
        severity=None if declared else Severity.INFO,
    )

"""A template fills a block that nothing above it renders.

## What it does
A template that extends another contributes its blocks and nothing else. Reports a block that no
parent defines, and one whose place in a parent was itself overridden.

The guide's blocks `vllm_tensor_parallel_plan`, `vllm_pipeline_parallel_plan` and
`vllm_no_split_modules` exist in no template of Forgather as of 2026-02 (f92f8b8).

## Why is this bad?
Jinja drops the block without a message. A plan written there never reaches the generated model.
Blocks of an *included* template are no exception: an include renders by itself, and the including
template cannot override its blocks.

## Example
```yaml
-- extends "models/transformers/dynamic_llama.yaml"

[vllm_tensor_parallel_plan]
    base_model_tp_plan:
        "causal_lm.layer_stack.layers.*.attention.query_linear": "colwise"
```

## Use instead
```yaml
-- extends "models/transformers/dynamic_llama.yaml"

[model_code_generator]
    == super()
    base_model_tp_plan:
        "causal_lm.layer_stack.layers.*.attention.query_linear": "colwise"
```

## What you see at run time
Nothing: the block's text is not in the rendered configuration.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.templates import Configuration, DeadBlock
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.templates import came_by
from forgather_lint.linting.support.wording import one_of

_OF_THE_GUIDE = {
    "vllm_tensor_parallel_plan": "base_model_tp_plan",
    "vllm_pipeline_parallel_plan": "base_model_pp_plan",
    "vllm_no_split_modules": "no_split_modules",
}


@rule("FGL603", "block-overrides-nothing", Severity.ERROR)
def check(configuration: Configuration) -> Iterator[Finding]:
    for block in configuration.dead_blocks:
        yield _finding(block)


def _finding(block: DeadBlock) -> Finding:
    return Finding(
        where=block.where,
        message=f"nothing renders the block `{block.name}`",
        label=_reason(block),
        related=came_by(block.chain),
        consequence="Jinja drops the text of the block without a message",
        help=_help(block),
    )


def _reason(block: DeadBlock) -> str:
    if block.included_from:
        return f"`{block.included_from}` defines it, but is included: that cannot be overridden"
    if block.dropped:
        return "the block that held it has been overridden"
    return f"neither `{block.parent}` nor its parents define it"


def _help(block: DeadBlock) -> str:
    if block.name in _OF_THE_GUIDE and "model_code_generator" in block.existing:
        return f"write `{_OF_THE_GUIDE[block.name]}` into the block `model_code_generator`"
    from difflib import get_close_matches  # only a slip pays for it

    meant = get_close_matches(block.name, block.existing, n=2)
    return f"did you mean {one_of(meant)}?" if meant else "move the text into a block that exists"

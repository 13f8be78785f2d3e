"""An inherited plan names a module that this configuration has replaced.

## What it does
Looks for blocks that build another class than the same block of a parent template, while the plan
of the parent is kept. Reports the entries of that plan whose last name stood in the source of the
old class and stands in no source file of the model any more.

## Why is this bad?
The entry matches nothing: the layers of the new class stay whole on every rank, or, in a pipeline
plan, serving fails. The plan and the module have to be replaced together.

## Example
```yaml
-- extends "models/transformers/dynamic_llama.yaml"

[feedforward_factory]
.define: &feedforward_factory !partial:.feedforward_layer:FeedforwardLayer@feedforward_factory
    d_model: !var "hidden_size"
    d_feedforward: !var "intermediate_size"
```

## Use instead
```yaml
[model_code_generator]
    == super()
    base_model_tp_plan:  # replaces the inherited one: `linear1`, `linear2` for `gate_proj`, ...
        "causal_lm.layer_stack.layers.*.feedforward.linear1": "colwise"
        "causal_lm.layer_stack.layers.*.feedforward.linear2": "rowwise"
```

## What you see at run time
Nothing, or a shape error beside a sharded partner; see FGL101. For a pipeline plan:
`AttributeError: ... has no attribute '...'` when the generated model is built.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Label, OneCause, Severity
from forgather_lint.facts.templates import Configuration, OutlivedEntry
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.templates import came_by


@rule("FGL609", "plan-outlives-module", Severity.ERROR)
def check(configuration: Configuration) -> Iterator[Finding]:
    for entry in configuration.outlived:
        yield _finding(entry)


def _finding(entry: OutlivedEntry) -> Finding:
    old, new = (name.rpartition(":")[2] for name in (entry.old, entry.new))
    return Finding(
        where=entry.where,
        message=f"`{new}` replaces `{old}`, but the inherited plan still names `{entry.leaf}`",
        label=f"no source file of the model mentions `{entry.leaf}`",
        related=(Label(entry.entry, "the entry of the parent's plan"), *came_by(entry.chain)),
        consequence=f"`{entry.key}` matches no module",
        help="override the plan in the block `model_code_generator` as well",
        cause=OneCause(
            f"`{new}` replaces `{old}`, but {{number}} entries of the inherited plan name layers "
            f"that only `{old}` has"
        ),
    )

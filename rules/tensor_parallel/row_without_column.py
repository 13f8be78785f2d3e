"""A row-parallel layer has no column-parallel partner in its block.

## What it does
Looks, for every block with a plain row-parallel `nn.Linear`, for something column-parallel in the
same block, or next to it inside the same layer of the stack. Styles that split their input
themselves (`rowwise_split_input`, `rowwise_rep`) need no partner.

A release with fusers completes a block by itself when it recognises it (gate, up, down with an
`nn.Module` activation; query, key, value, output); hence a warning.

## Why is this bad?
A row-parallel layer holds a slice of its input features and expects its input to be sliced the
same way. Nothing slices it unless a column-parallel layer stands before it: the layer meets an
input of full width.

The fix is unsafe because it splits layers that are whole today.

## Example
```py
base_model_tp_plan = {
    "layers.*.mlp.down_proj": "rowwise",
}
```

## Use instead
```py
base_model_tp_plan = {
    "layers.*.mlp.gate_proj": "colwise",
    "layers.*.mlp.up_proj": "colwise",
    "layers.*.mlp.down_proj": "rowwise",
}
```
or `rowwise_split_input`.

## What you see at run time
`RuntimeError: mat1 and mat2 shapes cannot be multiplied (6x64 and 32x32)`.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Label, Severity
from forgather_lint.facts import Model, Module, folded
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.edits import add_after
from forgather_lint.linting.support.pairs import Half, halves_alone
from forgather_lint.linting.support.siblings import siblings_of
from forgather_lint.linting.support.styles import Split
from forgather_lint.linting.support.wording import all_of, are


@rule("FGL108", "row-without-column", Severity.WARNING, rests_on=("vllm/fusers.names",))
def check(model: Model) -> Iterator[Finding]:
    for half in halves_alone(model, Split.ROW, Split.COLUMN):
        yield _finding(half)


def _feeders(half: Half) -> list[Module]:
    """The layers that may feed the row-parallel ones: they have no entry, and as wide an output.

    Layers beside such a one, with the same input, belong to them too.
    """
    free = [layer.module for layer in half.others if layer.entry is None]
    widths = {layer.module.sizes.get("in_features") for layer in half.layers} - {None}
    feeders = [module for module in free if module.sizes.get("out_features") in widths]
    return [x for x in free if x in feeders or any(x in siblings_of(f, free) for f in feeders)]


def _finding(half: Half) -> Finding:
    feeders = _feeders(half)
    keys = [folded(module.name) for module in feeders]
    rows = are(layer.module.leaf for layer in half.layers)
    return Finding(
        where=half.entry.key_where,
        message=f"{rows} row-parallel, but nothing in `{folded(half.block)}` is column-parallel",
        label="expects a slice of its input on each rank",
        related=tuple(Label(module.where, "this layer can feed it slices") for module in feeders),
        consequence="`RuntimeError: mat1 and mat2 shapes cannot be multiplied`, unless the engine "
        "makes one column-parallel layer of those that feed it",
        help=(f"add {all_of(keys)} as `colwise`" if keys else "use `rowwise_split_input`"),
        fix=add_after(half.entry, dict.fromkeys(keys, "colwise")),
        module=half.block,
    )

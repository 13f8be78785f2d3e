"""A column-parallel layer has no row-parallel partner in its block.

## What it does
Looks, for every block with a plain column-parallel `nn.Linear`, for something row-parallel in the
same block, or next to it inside the same layer of the stack (`intermediate.dense` and
`output.dense`). Styles that gather (`colwise_gather_output`, `colwise_rep`) need no partner.

A release with fusers completes a block by itself when it recognises it (gate, up, down with an
`nn.Module` activation; query, key, value, output); hence a warning.

## Why is this bad?
A column-parallel layer leaves each rank a slice of its output features and communicates nothing.
The layer that reads this slice must be row-parallel: it multiplies slice by slice and sums over
the ranks. A layer that stays whole meets an input of the wrong width.

The fix is unsafe because it splits a layer that is whole today, or splits it otherwise.

## Example
```py
base_model_tp_plan = {
    "layers.*.mlp.gate_proj": "colwise",
    "layers.*.mlp.up_proj": "colwise",
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

## What you see at run time
`RuntimeError: mat1 and mat2 shapes cannot be multiplied (6x32 and 64x32)`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from forgather_lint.core.diagnostics import Finding, Fix, Label, Severity
from forgather_lint.facts import Model, PlanEntry, folded
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.edits import add_after, change_style
from forgather_lint.linting.support.pairs import Half, halves_alone
from forgather_lint.linting.support.styles import Split
from forgather_lint.linting.support.taking import Planned
from forgather_lint.linting.support.wording import are


@rule("FGL107", "column-without-row", Severity.WARNING, rests_on=("vllm/fusers.names",))
def check(model: Model) -> Iterator[Finding]:
    runs = {call.module: call.order for call in model.trace.calls} if model.trace else {}
    for half in halves_alone(model, Split.COLUMN, Split.ROW):
        yield _finding(half, _reader(half, runs))


def _reader(half: Half, runs: Mapping[str, int]) -> Planned | None:
    """The layer that reads what the column-parallel ones give: its input is as wide as that.

    If all layers of the block are column-parallel, it is the one of them that runs last. None if
    several layers, or none, may be meant.
    """
    widths = {layer.module.sizes.get("out_features") for layer in half.layers} - {None}
    readers = [x for x in half.others if x.module.sizes.get("in_features") in widths]
    if readers:
        return readers[0] if len(readers) == 1 else None
    last = max(half.layers, key=lambda layer: runs.get(layer.module.name, 0))
    reads = len(half.layers) > 1 and last.module.sizes.get("in_features") in widths
    return last if reads and last.module.name in runs else None


def _finding(half: Half, reader: Planned | None) -> Finding:
    columns = [layer.module.leaf for layer in half.layers if layer is not reader]
    block = folded(half.block)
    written = reader.entry if reader else None
    key = folded(reader.module.name) if reader else ""
    return Finding(
        where=written.value_where if written else half.entry.key_where,
        message=f"{are(columns)} column-parallel, but nothing in `{block}` is row-parallel",
        label="must be row-parallel" if written else "leaves a slice on each rank",
        related=(Label(reader.module.where, "this layer reads the slices"),) if reader else (),
        consequence="`RuntimeError: mat1 and mat2 shapes cannot be multiplied`",
        help=f'`"{key}": "rowwise"`' if reader else "make the layer that follows `rowwise`",
        fix=_complete(half, written, key) if reader else None,
        module=half.block,
    )


def _complete(half: Half, written: PlanEntry | None, key: str) -> Fix | None:
    return change_style(written, "rowwise") if written else add_after(half.entry, {key: "rowwise"})

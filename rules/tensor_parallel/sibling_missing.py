"""One of a group of layers that work side by side is missing from the plan.

## What it does
Reports a linear layer without an entry beside a column-parallel sibling: query, key and value, or
gate and up, by their names in either house (`query_linear`, `q_proj`, `wq`, `gate_proj`, `w1`),
and any two layers of one block with the same sizes between which a row-parallel layer reads.

A release with fusers shards query, key, value and gate, up together when it recognises the block,
whatever the plan says; hence a warning.

## Why is this bad?
The siblings' outputs meet: gate times up, query times key. One of them is a slice and the other
is whole. With gate and up the shapes clash. With key or value missing the shapes can fit all the
same, because vLLM divides the number of heads whatever the plan says: the model loads, runs and
answers garbage.

The fix is unsafe because it splits a layer that is whole today.

## Example
```py
base_model_tp_plan = {
    "layers.*.self_attn.q_proj": "colwise",
    "layers.*.self_attn.v_proj": "colwise",
    "layers.*.self_attn.o_proj": "rowwise",
}
```

## Use instead
Add `"layers.*.self_attn.k_proj": "colwise"`.

## What you see at run time
Key or value missing, vLLM 0.13: nothing, wrong output. Gate or up missing: `RuntimeError: The size
of tensor a (32) must match the size of tensor b (64) at non-singleton dimension 2`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from forgather_lint.core.diagnostics import Finding, Label, OneCause, Severity
from forgather_lint.facts import Model, Module, folded
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.edits import add_after
from forgather_lint.linting.support.siblings import siblings_of
from forgather_lint.linting.support.styles import Split
from forgather_lint.linting.support.taking import Planned, planned_linears


@rule("FGL109", "sibling-missing", Severity.WARNING, rests_on=("vllm/fusers.names",))
def check(model: Model) -> Iterator[Finding]:
    blocks: dict[str, list[Planned]] = {}
    for layer in planned_linears(model):
        blocks.setdefault(layer.module.parent, []).append(layer)
    reported: set[str] = set()
    for block in blocks.values():
        for missing, sibling in _missing(block):
            if folded(missing.name) not in reported:
                reported.add(folded(missing.name))
                yield from _finding(missing, sibling)


def _missing(block: list[Planned]) -> Iterator[tuple[Module, Planned]]:
    free = [layer.module for layer in block if layer.entry is None]
    inputs = {x.module.sizes.get("in_features") for x in block if x.split is Split.ROW}
    for layer in (layer for layer in block if layer.split is Split.COLUMN):
        for module in (*siblings_of(layer.module, free), *_twins(layer.module, free, inputs)):
            yield module, layer


def _twins(module: Module, free: Iterable[Module], inputs: set[int | None]) -> Iterator[Module]:
    """Those of `free` with both widths of `module`, if a row-parallel layer reads their output."""
    sizes = [module.sizes.get(side) for side in ("in_features", "out_features")]
    if None not in sizes and sizes[0] != sizes[1] and sizes[1] in inputs:
        for other in free:
            if [other.sizes.get(side) for side in ("in_features", "out_features")] == sizes:
                yield other


def _finding(missing: Module, sibling: Planned) -> Iterator[Finding]:
    if sibling.entry is None:
        return
    key = folded(missing.name)
    yield Finding(
        where=sibling.entry.key_where,
        message=f"`{missing.leaf}` is not in the plan, its sibling `{sibling.module.leaf}` is",
        label=f"leaves `{missing.leaf}` whole on every rank",
        related=(Label(missing.where, f"`{missing.name}` is built here"),),
        consequence="a sliced tensor meets a whole one: wrong output without a message, or a "
        "`RuntimeError` on their sizes",
        help=f'add `"{key}": "colwise"`',
        fix=add_after(sibling.entry, {key: "colwise"}),
        module=missing.name,
        cause=OneCause(
            f"{{number}} layers are not in the plan, their sibling `{sibling.module.leaf}` is"
        ),
    )

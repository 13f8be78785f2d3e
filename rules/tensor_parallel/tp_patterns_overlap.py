"""Two patterns take the same layer with different styles.

## What it does
Reports an entry that vLLM lets take a linear layer although a later entry with another style
spells the layer's name exactly, and entries that overlap without either being exact. An entry for
a container that stands *after* the entries for its layers is fine, and common.

## Why is this bad?
vLLM reads a key as a regular expression without an end: `layers.*.mlp.gate` also takes
`layers.0.mlp.gate_proj`. From release 0.10.1 the first entry that matches wins, up to 0.10.0 the
last one. transformers replaces layer numbers by `*` and looks the name up exactly, so there the
exact entry wins wherever it stands. The plan means two things.

## Example
```py
base_model_tp_plan = {
    "layers.*.mlp.gate": "replicate",
    "layers.*.mlp.gate_proj": "colwise",
    "layers.*.mlp.up_proj": "colwise",
}
```

## Use instead
```py
base_model_tp_plan = {
    "layers.*.mlp.gate_proj": "colwise",
    "layers.*.mlp.up_proj": "colwise",
    "layers.*.mlp.gate": "replicate",
}
```
or drop the entry that replicates: that is what happens to layers without one.

## What you see at run time
vLLM: `RuntimeError: The size of tensor a (192) must match the size of tensor b (96)`, or a wrong
answer when the shapes happen to fit.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Label, OneCause, Severity
from forgather_lint.facts import Model, Module, PlanEntry
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.taking import matched_linears, spells


@rule("FGL105", "tp-patterns-overlap", Severity.ERROR, rests_on=("vllm/plan.picks",))
def check(model: Model) -> Iterator[Finding]:
    first: dict[str, PlanEntry] = {}
    reported: set[tuple[str, str]] = set()
    for entry in model.plans.tp.entries:
        for module in matched_linears(entry, model.base):
            winner = first.setdefault(module.name, entry)
            pair = (winner.full_key, entry.full_key)
            if pair not in reported and _disagree(winner, entry, module):
                reported.add(pair)
                yield _finding(winner, entry, module)


def _disagree(winner: PlanEntry, loser: PlanEntry, module: Module) -> bool:
    return winner.style != loser.style and not spells(winner, module)


def _finding(winner: PlanEntry, loser: PlanEntry, module: Module) -> Finding:
    exact = spells(loser, module)
    return Finding(
        where=loser.key_where,
        message=(
            f"vLLM gives `{module.name}` to `{winner.full_key}` (`{winner.style}`), "
            f"not to `{loser.full_key}` (`{loser.style}`)"
        ),
        label="comes second in vLLM" + (", wins in transformers" if exact else ""),
        related=(
            Label(winner.key_where, "matches first: a key has an open end in vLLM"),
            Label(module.where, f"`{module.name}` is built here"),
        ),
        consequence=f"vLLM: `{module.name}` is `{winner.style}`; a shape error or a wrong answer",
        help=f"put `{loser.full_key}` before `{winner.full_key}`",
        module=module.name,
        severity=None if exact else Severity.WARNING,
        cause=OneCause(
            f"vLLM gives the layers of {{number}} entries to `{winner.full_key}` "
            f"(`{winner.style}`), which stands first",
            f"put them before `{winner.full_key}`",
        ),
    )

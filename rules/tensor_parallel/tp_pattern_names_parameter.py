"""A pattern names the weight of a linear layer instead of the layer.

## What it does
Reports a key that ends in `.weight` or `.bias` of an `nn.Linear`. A key may name a bare
`nn.Parameter` that a module of the model owns (attention sinks, packed experts): that is how
transformers shards those, and it is not reported.

## Why is this bad?
vLLM replaces modules and never looks at parameter names: the layer stays whole. transformers
shards the weight but does not hook the layer, so nothing gathers or reduces its output.

The fix is safe because the parameter belongs to this layer alone.

## Example
```py
base_model_tp_plan = {"layers.*.mlp.up_proj.weight": "colwise"}
```

## Use instead
```py
base_model_tp_plan = {"layers.*.mlp.up_proj": "colwise"}
```

## What you see at run time
vLLM: nothing, or `RuntimeError: mat1 and mat2 shapes cannot be multiplied` when a partner of the
layer is sharded. transformers 5.19: "aten.mm.default got mixed torch.Tensor and DTensor, need to
convert all torch.Tensor to DTensor before calling distributed operators!"
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Label, Severity
from forgather_lint.facts import Model, Module, PlanEntry
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.edits import rename_key
from forgather_lint.linting.support.taking import named_parameters
from forgather_lint.linting.support.tree import is_linear


@rule("FGL104", "tp-pattern-names-parameter", Severity.ERROR)
def check(model: Model) -> Iterator[Finding]:
    for entry in model.plans.tp.entries:
        parameters = named_parameters(entry, model.base)
        owner = model.base.module(parameters[0].name.rpartition(".")[0]) if parameters else None
        if owner is not None and is_linear(owner):
            yield _finding(entry, owner)


def _finding(entry: PlanEntry, owner: Module) -> Finding:
    layer, _, parameter = entry.full_key.rpartition(".")
    return Finding(
        where=entry.key_where,
        message=f"`{entry.full_key}` names the {parameter} of a linear layer, not the layer",
        label=f"`{layer}` is the module",
        related=(Label(owner.where, f"`{owner.name}` is built here"),),
        consequence=(
            "vLLM matches module names only: the layer stays whole, without a message; "
            'transformers: "got mixed torch.Tensor and DTensor"'
        ),
        help=f"write `{layer}`",
        fix=rename_key(entry, layer, sure=True),
        module=owner.name,
    )

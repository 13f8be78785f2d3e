"""A style for linear layers stands at something that is not a linear layer.

## What it does
Reports an entry with a column- or row-parallel style whose pattern names modules of which none is
an `nn.Linear`: a norm, an activation, a container. Styles made for other modules are left alone
(`embedding_rowwise`, `sequence_parallel`, `replicated_with_grad_allreduce`, `all_reduce`,
`moe_tp_experts`, `local_params`, `mla_kv_a_proj`, `grouped_gemm`, `replicate`, ...), and so are
entries that name a bare parameter. An embedding or a module that owns a matrix is a warning:
some transformers releases can shard it, vLLM never does.

## Why is this bad?
vLLM looks at a plan only for `nn.Linear`, so the entry does nothing there, or, because a key is an
open-ended expression, it takes every linear layer below the named container. transformers hooks
the module and fails.

## Example
```py
base_model_tp_plan = {"layers.*.input_layernorm": "colwise"}
```

## Use instead
```py
base_model_tp_plan = {"layers.*.input_layernorm": "replicated_with_grad_allreduce"}
```
or no entry at all: what is not named is replicated.

## What you see at run time
vLLM: nothing. transformers 5.21 on: "LlamaRMSNorm has no `out_features`: colwise shards linear
layers."; 5.1 to 5.15: "Expected weight to be of same shape as normalized_shape"; 5.19: "mat1 and
mat2 shapes cannot be multiplied" for a norm, "got mixed torch.Tensor and DTensor" for a container.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Label, Severity
from forgather_lint.facts import Model, Module, PlanEntry, Structure
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.styles import needs_linear
from forgather_lint.linting.support.taking import matched_linears, named_modules, named_parameters
from forgather_lint.linting.support.tree import class_name, is_linear


@rule(
    "FGL103",
    "tp-pattern-matches-no-linear",
    Severity.ERROR,
    rests_on=("transformers/plan.not_linear", "vllm/plan.unmatched"),
)
def check(model: Model) -> Iterator[Finding]:
    for entry in model.plans.tp.entries:
        if not needs_linear(entry.style) or named_parameters(entry, model.base):
            continue
        named = named_modules(entry, model.base)
        sure = all(module.certain and not is_linear(module) for module in named)
        if named and sure:
            yield _finding(entry, named[0], model.base)


def _finding(entry: PlanEntry, module: Module, structure: Structure) -> Finding:
    below = matched_linears(entry, structure)
    cls = class_name(module)
    kind, size = ("rowwise", "in") if "row" in (entry.style or "") else ("colwise", "out")
    return Finding(
        where=entry.key_where,
        message=f"`{entry.full_key}` is of class `{cls}`, which `{entry.style}` cannot shard",
        label="not an `nn.Linear`",
        related=(Label(module.where, f"`{module.name}` is built here"),),
        consequence=(
            f"vLLM {_where_served(entry, below)}; transformers 5.21 on: "
            f'"{cls} has no `{size}_features`: {kind} shards linear layers."'
        ),
        help=_advice(below, _owns_matrix(module, structure)),
        module=module.name,
        severity=Severity.WARNING if below or _owns_matrix(module, structure) else None,
    )


def _where_served(entry: PlanEntry, below: tuple[Module, ...]) -> str:
    if not below:
        return "ignores the entry"
    return f"applies `{entry.style}` to all {len(below)} linear layers that begin with this name"


def _advice(below: tuple[Module, ...], multiplies: bool) -> str:
    if not below and multiplies:
        return "make it an `nn.Linear`; without the entry it is replicated, with all it computes"
    if not below:
        return "remove the entry: a module that no entry names is replicated"
    return f"name the linear layers themselves, such as `{below[0].name}`"


def _owns_matrix(module: Module, structure: Structure) -> bool:
    owned = (p for p in structure.parameters if p.name.rpartition(".")[0] == module.name)
    return any(p.shape is None or len(p.shape) > 1 for p in owned)

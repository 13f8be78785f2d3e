"""The pipeline plan does not name exactly one `nn.ModuleList`.

## What it does
Counts the entries whose module is an `nn.ModuleList`. Silent when an entry names no module at all
(FGL301) or when the layers stand in an `nn.ModuleDict` (FGL304).

## Why is this bad?
The `nn.ModuleList` is what vLLM cuts into stages: entries before it go to the first rank, entries
after it to the last. Without one, or with two, it does not know where to cut.

## Example
```py
base_model_pp_plan = {
    "embed_tokens": (["input_ids"], ["inputs_embeds"]),
    "norm": (["hidden_states"], ["hidden_states"]),
}
```

## Use instead
```py
base_model_pp_plan = {
    "embed_tokens": (["input_ids"], ["inputs_embeds"]),
    "layers": (["hidden_states", "attention_mask"], ["hidden_states"]),
    "norm": (["hidden_states"], ["hidden_states"]),
}
```

## What you see at run time
None: `ValueError: Could not find `ModuleList` in <class '...'>`. Several: `ValueError: Pipeline
parallel of models with multiple `ModuleList`s in the base model are not supported yet!`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Label, Severity
from forgather_lint.facts import Model, Module, PlanEntry
from forgather_lint.facts.causes.stages import NotOneList
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.stages import planned_modules, pp_entries
from forgather_lint.linting.support.tree import is_module_dict, is_module_list
from forgather_lint.linting.support.wording import all_of

_SEVERAL = (
    "`ValueError: Pipeline parallel of models with multiple `ModuleList`s in the base model are "
    "not supported yet!`"
)


@rule(
    "FGL303",
    "pp-not-one-module-list",
    Severity.ERROR,
    explains=NotOneList,
    rests_on=("vllm/pipeline.no_list", "vllm/pipeline.several_lists"),
)
def check(model: Model) -> Iterator[Finding]:
    planned = planned_modules(model)
    if not planned or len(planned) < len(pp_entries(model)):
        return
    if not all(module.certain for _, module in planned):
        return
    lists = [(entry, module) for entry, module in planned if is_module_list(module)]
    if len(lists) > 1:
        yield _several(lists)
    elif not lists and not any(is_module_dict(module) for _, module in planned):
        yield _none(model, planned[0][0])


def _several(lists: list[tuple[PlanEntry, Module]]) -> Finding:
    names = all_of(module.name for _, module in lists)
    return Finding(
        where=lists[1][0].key_where,
        message=f"the pipeline plan names {len(lists)} module lists: {names}",
        label="a second `nn.ModuleList`",
        related=tuple(Label(module.where, f"`{module.name}` is built here") for _, module in lists),
        consequence=f"vLLM, with two stages or more: {_SEVERAL}",
        help="name only the stack of layers; what no entry names stays on every rank",
    )


def _none(model: Model, first: PlanEntry) -> Finding:
    lists = [module for module in model.base.modules if is_module_list(module)]
    outer = [m for m in lists if not any(m.name.startswith(f"{x.name}.") for x in lists)]
    cls = model.base.root
    return Finding(
        where=model.plans.pp.declared or first.key_where,
        message="the pipeline plan names no `nn.ModuleList`",
        label="no entry for the layers",
        related=tuple(
            Label(module.where, f"`{module.name}` is a list of layers") for module in outer
        ),
        consequence=(
            "vLLM, with two stages or more: "
            f"`ValueError: Could not find `ModuleList` in <class '...{cls}'>`"
        ),
        help=f"add an entry for `{outer[0].name}`" if outer else "keep the layers in a list",
    )

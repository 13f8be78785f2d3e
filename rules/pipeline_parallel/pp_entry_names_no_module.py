"""A pipeline entry names no module of the model.

## What it does
Looks up every key of `base_model_pp_plan` in the base model and every key of a class's `_pp_plan`
in the whole model. A key that names no module, and that no branch of the source could create, is
reported with the names it was probably meant for. Keys are names, not patterns, and start at the
base model: with `base_model_prefix = "model"` they start below `model.`.

## Why is this bad?
vLLM walks to every module that the plan names before it looks at anything else, so one wrong name
stops the model on every rank as soon as there is more than one stage.

The fix is safe where a rule of naming leads to the one module that can be meant: the entry does
nothing today. For a misspelt name the fix is unsafe because likeness is a guess.

## Example
```py
base_model_pp_plan = {
    "model.layers": (["hidden_states"], ["hidden_states"]),
}
```

## Use instead
```py
base_model_pp_plan = {
    "layers": (["hidden_states"], ["hidden_states"]),
}
```

## What you see at run time
`AttributeError: 'LlamaModel' object has no attribute 'model'`. transformers ignores the entry.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Label, Severity
from forgather_lint.facts import Model, Plan, PlanEntry, Structure
from forgather_lint.facts.causes.stages import EntryNamesNoModule
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.edits import rename_key
from forgather_lint.linting.support.nearest import suggest
from forgather_lint.linting.support.taking import name_meant
from forgather_lint.linting.support.tree import class_name, deepest_existing
from forgather_lint.linting.support.wording import one_of


@rule(
    "FGL301",
    "pp-entry-names-no-module",
    Severity.ERROR,
    explains=EntryNamesNoModule,
    rests_on=("vllm/pipeline.lookup",),
)
def check(model: Model) -> Iterator[Finding]:
    plans = model.plans
    yield from _lost(plans.pp, (model.base,), None)
    yield from _lost(plans.class_pp, (model.whole, model.base), Severity.WARNING)


def _lost(plan: Plan, trees: tuple[Structure, ...], severity: Severity | None) -> Iterator[Finding]:
    keys = {entry.full_key for entry in plan.entries}
    for entry in plan.entries:
        never = entry.possible is False or "*" in entry.full_key
        if never and not any(tree.module(entry.full_key) for tree in trees):
            yield _finding(entry, trees[0], keys, severity)


def _finding(
    entry: PlanEntry, structure: Structure, keys: set[str], severity: Severity | None
) -> Finding:
    at, component = deepest_existing(structure, entry.full_key)
    cls = class_name(at) if at else structure.root
    names = {module.name: module for module in structure.modules if module.name}
    meant = suggest(entry.full_key, names)
    name = name_meant(entry.full_key, meant, keys)
    told = f"{{number}} keys name no module of `{structure.root}`"
    return Finding(
        where=entry.key_where,
        message=f"`{entry.full_key}` names no module: `{cls}` has no `{component}`",
        label=meant.reason or "no module has this name",
        related=tuple(Label(names[n].where, f"`{n}` is built here") for n in meant.names),
        consequence=(
            "vLLM, with two stages or more: "
            f"`AttributeError: '{cls}' object has no attribute '{component}'`"
        ),
        help=f"did you mean {one_of(meant.names)}?" if meant.names else "remove the entry",
        fix=rename_key(entry, name, sure=meant.sure) if name else None,
        severity=severity,
        cause=meant.slip.cause(told) if meant.slip else None,
    )

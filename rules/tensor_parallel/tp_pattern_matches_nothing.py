"""A tensor-parallel pattern names no module of the model.

## What it does
Looks up every key of `base_model_tp_plan` and `_tp_plan` in the module tree, by the rules of vLLM
(a regular expression with an open end) and of transformers (layer numbers become `*`, then an
exact look-up). A key that neither finds, and that no branch of the source could satisfy, is
reported with the names it was probably meant for. Keys of a config plan are relative to the base
model: with `base_model_prefix = "model"` they start below `model.`.

## Why is this bad?
The entry does nothing. The layers it was meant for stay whole on every rank, and vLLM does not say
so. If their partners are sharded the shapes clash; if they are attention projections, vLLM gives
each rank a share of the heads all the same and answers garbage.

The fix is safe where a rule of naming leads to the one module that can be meant (the prefix of the
base model, Forgather's and Hugging Face's names): the entry does nothing today. For a misspelt name
the fix is unsafe because likeness is a guess.

## Example
```py
base_model_tp_plan = {
    "layers.*.self_attn.q_proj": "colwise",  # a Forgather model has no `self_attn`
}
```

## Use instead
```py
base_model_tp_plan = {
    "causal_lm.layer_stack.layers.*.attention.query_linear": "colwise",
}
```

## What you see at run time
Nothing, or, when a partner of the layer is sharded:
`RuntimeError: mat1 and mat2 shapes cannot be multiplied`. transformers 5.23 prints
"`tp_plan` rules [...] match nothing in ... and will not be applied."
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Label, Severity
from forgather_lint.facts import Model, PlanEntry, Structure
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.edits import rename_key
from forgather_lint.linting.support.taking import dead_entries, meant_by, name_meant
from forgather_lint.linting.support.tree import first_of_each
from forgather_lint.linting.support.wording import one_of


@rule(
    "FGL101",
    "tp-pattern-matches-nothing",
    Severity.ERROR,
    rests_on=("vllm/plan.unmatched", "transformers/plan.unmatched_rule"),
)
def check(model: Model) -> Iterator[Finding]:
    plans = model.plans
    for plan, trees in ((plans.tp, (model.base,)), (plans.class_tp, (model.whole, model.base))):
        keys = {entry.full_key for entry in plan.entries}
        for entry in dead_entries(plan, *trees):
            yield _finding(entry, trees[0], keys)


def _finding(entry: PlanEntry, structure: Structure, keys: set[str]) -> Finding:
    meant = meant_by(entry, structure)
    names = first_of_each(structure.modules)
    name = name_meant(entry.full_key, meant, keys)
    told = f"{{number}} keys match no module of `{structure.root}`"
    return Finding(
        where=entry.key_where,
        message=f"`{entry.full_key}` matches no module of `{structure.root}`",
        label=meant.reason or "no module has this name",
        related=tuple(Label(names[n].where, f"`{n}` is built here") for n in meant.names),
        consequence=(
            "the layers meant here stay whole on every rank, without a message: wrong output, or "
            "`RuntimeError: mat1 and mat2 shapes cannot be multiplied` beside a sharded partner"
        ),
        help=f"did you mean {one_of(meant.names)}?" if meant.names else "remove the entry",
        fix=rename_key(entry, name, sure=meant.sure) if name else None,
        cause=meant.slip.cause(told) if meant.slip else None,
    )

"""The model has no tensor-parallel plan.

## What it does
Reports a model with linear layers in its stack of layers of which neither the config
(`base_model_tp_plan`) nor the class of the base model (`_tp_plan`) names any, also when the
attribute is there and is `None` or empty. A plan for the head alone does not count; that of a model
inside, such as a text model with a config of its own, does: transformers merges it.

## Why is this bad?
vLLM cannot tell which layers to split: up to 0.24 it refuses to start on more than one rank, from
0.25.0 it shards what it recognises and replicates the rest.

The fix is unsafe because it splits layers that are whole today. It is offered where the target is
proved to serve the inferred plan on two ranks.

## Example
```py
class MyConfig(PretrainedConfig):
    base_model_tp_plan = None
```

## Use instead
```py
class MyConfig(PretrainedConfig):
    base_model_tp_plan = {
        "layers.*.self_attn.q_proj": "colwise",
        "layers.*.self_attn.k_proj": "colwise",
        "layers.*.self_attn.v_proj": "colwise",
        "layers.*.self_attn.o_proj": "rowwise",
    }
```

## What you see at run time
vLLM up to 0.24: `ValueError: <class '...'> does not support tensor parallel. See
https://docs.vllm.ai/...`. From 0.25.0 a warning: "... does not define a tensor parallel plan. The
Transformers modeling backend will shard the model the best it can during graph fusion and
replicate the rest. This may be suboptimal or fail if the model does not fuse cleanly."
transformers 5.23: "`tp_size=2` was requested, but `...` has no `tp_plan`".
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Label, Severity
from forgather_lint.facts import Model
from forgather_lint.facts.causes.placement import NoTensorPlan
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.taking import planned_linears
from forgather_lint.linting.support.tree import stacked_linears


@rule(
    "FGL110",
    "no-tp-plan",
    Severity.WARNING,
    explains=NoTensorPlan,
    rests_on=("vllm/plan.missing", "transformers/plan.missing"),
)
def check(model: Model) -> Iterator[Finding]:
    plan = model.plans.tp
    if plan.entries or plan.unknown or model.plans.class_tp.unknown or model.plans.inside_tp:
        return
    inside = stacked_linears(model.base)
    planned = {layer.module.name for layer in planned_linears(model) if layer.entry}
    if not inside or any(module.name in planned for module in inside):
        return
    yield Finding(
        where=plan.declared or model.config_class_where or model.where,
        message=f"`{model.base.root}` has no tensor-parallel plan",
        label="no entry here" if plan.declared else "no `base_model_tp_plan` in its config",
        related=(Label(inside[0].where, f"`{inside[0].name}` could be sharded"),),
        consequence=(
            "vLLM up to 0.24 with two ranks or more: `ValueError: ... does not support tensor "
            "parallel.`; from 0.25.0 a warning, then what fusion cannot recognise is replicated"
        ),
        help="declare `base_model_tp_plan` on the config class; `plan --infer --write` does",
        fix=model.missing_plan("base_model_tp_plan"),
    )

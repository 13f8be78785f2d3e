"""The model has no tensor-parallel plan.

## What it does
Reports a model with linear layers of which neither the config (`base_model_tp_plan`) nor the class
of the base model (`_tp_plan`) names any, also when the attribute is there and is `None` or empty.

## Why is this bad?
vLLM cannot tell which layers to split: up to 0.24 it refuses to start on more than one rank, from
0.25.0 it shards what it recognises and replicates the rest.

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

## Releases
All; see below.

## What you see at run time
vLLM up to 0.24: `ValueError: <class '...'> does not support tensor parallel. See
https://docs.vllm.ai/...`. From 0.25.0 a warning: "... does not define a tensor parallel plan. The
Transformers modeling backend will shard the model the best it can during graph fusion and
replicate the rest. This may be suboptimal or fail if the model does not fuse cleanly."
transformers 5.23: "`tp_size=2` was requested, but `...` has no `tp_plan`".
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.diagnostics import Finding, Label, Severity
from forgather_lint.facts import Model
from forgather_lint.rule import rule
from forgather_lint.rule_support.taking import takes_anything
from forgather_lint.rule_support.tree import linears


@rule("FGL110", "no-tp-plan", Severity.WARNING)
def check(model: Model) -> Iterator[Finding]:
    plans = model.plans
    if plans.tp.entries or plans.tp.unknown or plans.class_tp.unknown:
        return
    first = next(linears(model.base), None)
    if first is None or any(takes_anything(e, model.base) for e in plans.class_tp.entries):
        return
    yield Finding(
        where=plans.tp.declared or model.where,
        message=f"`{model.base_name}` has no tensor-parallel plan",
        label="no entry here" if plans.tp.declared else "no `base_model_tp_plan` in its config",
        related=(Label(first.where, f"`{first.name}` could be sharded"),),
        consequence=(
            "vLLM up to 0.24 with two ranks or more: `ValueError: ... does not support tensor "
            "parallel.`; from 0.25.0 a warning, then what fusion cannot recognise is replicated"
        ),
        help="declare `base_model_tp_plan` on the config class",
    )

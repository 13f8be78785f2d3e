"""The model has no pipeline-parallel plan.

## What it does
Reports a model with a stack of layers for which neither the config (`base_model_pp_plan`) nor the
class of the base model (`_pp_plan`) says how to cut it, nor the plan of a model inside, which
transformers merges.

## Why is this bad?
vLLM up to 0.24 refuses to start with more than one stage. From 0.25.0 it takes the children of the
decoder that own parameters, in the order of their declaration: right for most models, wrong for
one that declares its final norm before its layers. A decoder with no `nn.ModuleList` of its own,
or with several, is one that it cannot cut; that is an error (FGL905) where stages are asked for.

The fix is unsafe because it decides which rank runs a module. It is offered where the target is
proved to serve the inferred plan in two stages.

## Example
```py
class MyConfig(PretrainedConfig):
    base_model_pp_plan = None
```

## Use instead
```py
class MyConfig(PretrainedConfig):
    base_model_pp_plan = {
        "embed_tokens": (["input_ids"], ["inputs_embeds"]),
        "layers": (["hidden_states", "attention_mask"], ["hidden_states"]),
        "norm": (["hidden_states"], ["hidden_states"]),
    }
```

## What you see at run time
vLLM up to 0.24: `ValueError: <class '...'> does not support pipeline parallel.` or `ValueError:
Could not find `ModuleList` in <class '...'>`, by transformers release. From 0.25.0 a warning:
"... does not define a pipeline parallel plan. The Transformers modeling backend will infer the
split from the layers of ... in order of declaration and keep parameter-free modules on every rank."
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Label, Severity
from forgather_lint.facts import Model
from forgather_lint.facts.causes.stages import NoPipelinePlan
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.stages import pp_entries
from forgather_lint.linting.support.tree import is_stack


@rule(
    "FGL311",
    "no-pp-plan",
    Severity.INFO,
    explains=NoPipelinePlan,
    rests_on=("vllm/pipeline.missing", "vllm/pipeline.names_from"),
)
def check(model: Model) -> Iterator[Finding]:
    plans = model.plans
    stack = next((m for m in model.base.modules if is_stack(m)), None)
    undecided = plans.pp.unknown or plans.class_pp.unknown
    if stack is None or pp_entries(model) or plans.inside_pp or undecided:
        return
    yield Finding(
        where=plans.pp.declared or model.config_class_where or model.where,
        message=f"`{model.base.root}` has no pipeline-parallel plan",
        label="no entry here" if plans.pp.declared else "no `base_model_pp_plan` in its config",
        related=(Label(stack.where, f"`{stack.name}` could be cut into stages"),),
        consequence=(
            "vLLM up to 0.24 with two stages or more: `ValueError: ... does not support pipeline "
            "parallel.`; from 0.25.0 the split is inferred, with a warning"
        ),
        help="declare `base_model_pp_plan` on the config class; `plan --infer --write` does",
        fix=model.missing_plan("base_model_pp_plan"),
    )

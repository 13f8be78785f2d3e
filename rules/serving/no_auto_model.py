"""No class serves the architecture: not vLLM's, not transformers', not one of auto_map.

## What it does
Reports a config.json whose `auto_map` names no class for AutoModel, where vLLM has no model of its
own by that name and transformers has none for the `model_type`.

## Why is this bad?
vLLM looks for the architecture in its own registry, then in transformers, then in `auto_map`. It
loads the base model with AutoModel, and adds a head of its own.

## Example
```json
{"auto_map": {"AutoModelForCausalLM": "modeling_x.XForCausalLM"}}
```

## Use instead
```json
{"auto_map": {"AutoModel": "modeling_x.XModel", "AutoModelForCausalLM": "modeling_x.XForCausalLM"}}
```

## What you see at run time
`ValueError: Unrecognized configuration class <class '...'> for this kind of AutoModel: AutoModel.`
With no model class at all: `ValueError: Model architectures ['X'] are not supported for now.` or,
of a model that vLLM once had, `Model architecture X was supported in vLLM until v0.23.0, and is not
supported anymore.`; with `--model-impl transformers`: `ValueError: Cannot find model module.`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.config import NoAutoModel
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL504",
    "no-auto-model",
    Severity.ERROR,
    explains=NoAutoModel,
    rests_on=("transformers/loading.no_auto_class", "vllm/registry.no_model_class"),
)
def check(problem: ServingProblem, cause: NoAutoModel) -> Iterator[Finding]:
    yield finding(
        problem,
        "`auto_map` names no class for `AutoModel`, and no other class serves",
        label=f"`{cause.architecture}` cannot be loaded",
        help="add the class of the base model",
    )

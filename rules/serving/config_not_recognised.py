"""AutoConfig finds no class for the config.

## What it does
Reports a config.json whose `auto_map` has no entry for AutoConfig and whose `model_type` is missing
or unknown to the transformers release of the target (and to vLLM itself).

Which types are known differs by release of transformers.

## Why is this bad?
Nothing can be loaded: AutoConfig is the first thing that vLLM calls.

## Example
```json
{"architectures": ["MyForCausalLM"], "model_type": "my_model"}
```

## Use instead
```json
{
  "architectures": ["MyForCausalLM"],
  "auto_map": {"AutoConfig": "configuration_my.MyConfig", "AutoModel": "modeling_my.MyModel"},
  "model_type": "my_model"
}
```

## What you see at run time
`ValueError: The checkpoint you are trying to load has model type `my_model` but Transformers does
not recognize this architecture.`, or `Unrecognized model in ... Should have a `model_type` key in
its config.json.` (measured on 0.32).
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.config import NoConfigClass
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL551",
    "config-not-recognised",
    Severity.ERROR,
    explains=NoConfigClass,
    rests_on=("transformers/loading.type_unknown", "transformers/loading.type_missing"),
)
def check(problem: ServingProblem, cause: NoConfigClass) -> Iterator[Finding]:
    kind = f"of type `{cause.kind}`" if cause.kind else "without a `model_type`"
    yield finding(
        problem,
        f"no class for a config {kind}: `auto_map` names none for `AutoConfig`",
        label="transformers does not know it",
        help='`"auto_map": {"AutoConfig": "configuration_x.XConfig", ...}`',
    )

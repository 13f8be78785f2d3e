"""The config has an attribute that vLLM reads by another name only.

## What it does
Reports `num_hidden_layers` and `hidden_size` where the config object has no such attribute, neither
its own nor by `attribute_map`.

## Why is this bad?
Whatever the model calls them (`n_layer`, `dim`), vLLM's Transformers backend reads both from the
config while it builds the model. transformers does not need them.

## Example
```py
class XConfig(PretrainedConfig):
    def __init__(self, n_layer=12, n_embd=768, n_head=12, **kwargs): ...
```

## Use instead
```py
class XConfig(PretrainedConfig):
    attribute_map = {
        "hidden_size": "n_embd", "num_hidden_layers": "n_layer", "num_attention_heads": "n_head"
    }
```

## What you see at run time
`AttributeError: 'XConfig' object has no attribute 'num_hidden_layers'` while the model is loaded
(measured on 0.32)
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.config import FieldIsAbsent
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL576",
    "config-field-absent",
    Severity.ERROR,
    explains=FieldIsAbsent,
    rests_on=("vllm/config.fields_read", "vllm/config.field_absent"),
)
def check(problem: ServingProblem, cause: FieldIsAbsent) -> Iterator[Finding]:
    yield finding(
        problem,
        f"the config has no `{cause.name}`",
        label="vLLM reads it while it builds the model",
        help=f'name it in the `attribute_map` of the config class: `"{cause.name}": "..."`',
    )

"""SGLang has no class that it could build.

## What it does
Reports a model that SGLang has no implementation of, whose class is not there for AutoModel or
does not let its attention be replaced.

## Why is this bad?
Its Transformers backend builds what AutoModel loads, with an attention of its own.

## Example
```py
class XModel(PreTrainedModel):
    config_class = XConfig
```

## Use instead
```py
class XModel(PreTrainedModel):
    config_class = XConfig
    _supports_attention_backend = True
```

## What you see at run time
`ValueError: XForCausalLM has no SGlang implementation and the Transformers implementation is not
compatible with SGLang.`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.sglang import ClassRefused
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL803",
    "class-refused",
    Severity.ERROR,
    explains=ClassRefused,
    rests_on=(
        "sglang/loading.no_model_class",
        "sglang/loading.not_compatible",
        "sglang/loading.backend_refused",
    ),
)
def check(problem: ServingProblem, cause: ClassRefused) -> Iterator[Finding]:
    if cause.found:
        message = (
            f"SGLang does not take the class of `{cause.architecture}`: its attention is fixed"
        )
        help = "set `_supports_attention_backend = True` where attention goes through the interface"
    else:
        message = f"SGLang finds no class for `{cause.architecture}`"
        help = 'name the base model under "AutoModel" in `auto_map`'
    yield finding(problem, message, label="refused", help=help)

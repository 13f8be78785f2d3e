"""`auto_map` names a class that is no `PreTrainedModel`.

## What it does
Reports a class that `auto_map` names for `AutoModel`, or first of all models, and that inherits
from `nn.Module` alone.

## Why is this bad?
The engine asks the first class whether its attention can be replaced, and transformers registers
and builds the one of `AutoModel`: both call methods that only a `PreTrainedModel` has. A head that
makes the module by itself works without it, so that training does not show it.

## Example
```py
class XModel(nn.Module):
    def __init__(self, config):
        super().__init__()
```

## Use instead
```py
class XModel(XPreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        ...
        self.post_init()
```

## What you see at run time
`AssertionError` without a text from vLLM 0.30 on, before it `AttributeError: type object 'XModel'
has no attribute 'is_backend_compatible'`; `... 'register_for_auto_class'` where another model
stands first in `auto_map`.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.code import ModelIsPlainModule
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL556",
    "model-is-plain-module",
    Severity.ERROR,
    explains=ModelIsPlainModule,
    rests_on=("vllm/attention.plain_module", "transformers/loading.plain_module"),
)
def check(problem: ServingProblem, cause: ModelIsPlainModule) -> Iterator[Finding]:
    yield finding(
        problem,
        f"`auto_map` names `{cause.name}`, which is no `PreTrainedModel`",
        label="a plain module",
        help="let it inherit from the `PreTrainedModel` of the model, and call `post_init`",
    )

"""`AutoConfig.register` names a model type that transformers already has.

## What it does
Runs what the model's files do when they are imported. `AutoConfig.register` refuses a name that the
target's transformers has a config for.

## Why is this bad?
The file cannot be imported, so the model cannot be loaded. The name was free when it was chosen: a
later release took it.

## Example
```py
AutoConfig.register("nanochat", NanoChatConfig)
```

## Use instead
```py
AutoConfig.register("my_nanochat", NanoChatConfig)
```

## What you see at run time
`ValueError: 'nanochat' is already used by a Transformers config, pick another name.`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.code import ModelTypeTaken
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding, named_in_error, since


@rule(
    "FGL567",
    "model-type-taken",
    Severity.ERROR,
    explains=ModelTypeTaken,
    rests_on=("transformers/config.model_type_taken",),
)
def check(problem: ServingProblem) -> Iterator[Finding]:
    yield finding(
        problem,
        f"transformers has a model type `{named_in_error(problem)}` of its own{since(problem)}",
        label="registered here",
        help="pick another model type, or drop the call: `auto_map` is enough",
    )

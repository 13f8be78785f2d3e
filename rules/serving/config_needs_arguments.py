"""The config class cannot be made without arguments.

## What it does
Reports config classes whose constructor raises when nothing is given to it: a parameter without a
default, defaults that do not go together.

## Why is this bad?
`from_pretrained` prints the config by what differs from the defaults, and makes one of nothing for
that. It does so whatever the level of the log is, so the config that is there is not loaded either.

## Example
```py
class MyConfig(PretrainedConfig):
    def __init__(self, hidden_size, **kwargs):
        self.hidden_size = hidden_size
        super().__init__(**kwargs)
```

## Use instead
```py
class MyConfig(PretrainedConfig):
    def __init__(self, hidden_size=512, **kwargs):
        self.hidden_size = hidden_size
        super().__init__(**kwargs)
```
or `has_no_defaults_at_init = True` in the class.

## What you see at run time
The error of the constructor, from `AutoConfig.from_pretrained`: `TypeError: MyConfig.__init__()
missing 1 required positional argument: 'hidden_size'`, or what a check of fields says of defaults:
`StrictDataclassClassValidationError` (measured on 0.32 with transformers 5.19).
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.config import DefaultsRaise
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL577",
    "config-needs-arguments",
    Severity.ERROR,
    explains=DefaultsRaise,
    rests_on=("transformers/config.defaults_built",),
)
def check(problem: ServingProblem, cause: DefaultsRaise) -> Iterator[Finding]:
    yield finding(
        problem,
        f"`{cause.name}()` raises, and is called whenever a config is loaded",
        label="raises when nothing is given",
        help="give every parameter a default, and defaults that go together",
    )

"""The constructor needs a config key that transformers 5 renames.

## What it does
Runs the constructor as the target's transformers does. From 5.0 on `rope_scaling` is another name
of the attribute `rope_parameters`: `config.to_dict()` has the new name only.

## Why is this bad?
A constructor that is called with `**config.to_dict()` misses an argument, although config.json has
the key.

## Example
```py
def construct(self, hidden_size, rope_theta, rope_scaling, **kwargs): ...
```

## Use instead
```py
def construct(self, hidden_size, rope_scaling=None, rope_parameters=None, **kwargs): ...
```

## What you see at run time
`TypeError: X.construct_model() missing 1 required positional argument: 'rope_scaling'`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.code import RopeScalingRenamed
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding, since


@rule(
    "FGL507",
    "config-key-renamed",
    Severity.ERROR,
    explains=RopeScalingRenamed,
    rests_on=("transformers/config.renamed_fields",),
)
def check(problem: ServingProblem) -> Iterator[Finding]:
    yield finding(
        problem,
        f"`rope_scaling` is given to the config as `rope_parameters`{since(problem)}",
        label="this call misses it",
        help="give the parameter a default and read `rope_parameters` as well",
    )

"""The model reads `rope_theta`, config.json says it within `rope_parameters`.

## What it does
Compares the `rope_theta` of the config as it is built with the one in `rope_parameters` of
config.json, where the code of the model reads the former alone.

## Why is this bad?
transformers 5 writes the base of the rotary embedding into `rope_parameters`. A class that reads
`rope_theta` gets the default of its config instead, without a word: the model computes something
else than its config says, on every engine alike.

## Example
```py
self.base = config.rope_theta  # config.json: {"rope_parameters": {"rope_theta": 500000.0}}
```

## Use instead
```py
self.base = config.rope_parameters["rope_theta"]
```

## What you see at run time
Nothing but worse answers, most of all on long inputs.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.config import RopeThetaOverlooked
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule("FGL407", "rope-theta-overlooked", Severity.WARNING, explains=RopeThetaOverlooked)
def check(problem: ServingProblem, cause: RopeThetaOverlooked) -> Iterator[Finding]:
    yield finding(
        problem,
        "`rope_theta` is read, which config.json says within `rope_parameters` only: "
        f"{cause.read:g} instead of {cause.said:g}",
        label="read here",
        help="write `rope_theta` into config.json as well, or read `rope_parameters`",
    )

"""`ROPE_INIT_FUNCTIONS` has no function of the type that is asked for.

## What it does
Builds the model with the table of the target's transformers: `"default"` left it in 5.0, and other
types came with later releases.

## Why is this bad?
The constructor of the rotary embedding fails.

## Example
```py
inv_freq, scale = ROPE_INIT_FUNCTIONS["default"](config, device)
```

## Use instead
```py
inv_freq, scale = self.compute_default_rope_parameters(config, device)
```

## What you see at run time
`KeyError: 'default'`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.code import RopeTypeRemoved
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding, named_in_error, since


@rule(
    "FGL566",
    "rope-type-removed",
    Severity.ERROR,
    explains=RopeTypeRemoved,
    rests_on=("transformers/config.rope_types", "transformers/config.rope_type_unknown"),
)
def check(problem: ServingProblem) -> Iterator[Finding]:
    yield finding(
        problem,
        f"`ROPE_INIT_FUNCTIONS` has no type `{named_in_error(problem)}`{since(problem)}",
        label="looked up here",
        help="compute the frequencies of this type in the model",
    )

"""A `!var` of the model gets its value from nothing.

## What it does
The generated constructor has a parameter for every `!var`. It is called with `config`, what else
the code template passes, and the values of `config.json`. Reports a `!var` without a default that
is in none of these, nor among the values that every transformers configuration has.

## Why is this bad?
The model cannot be built.

## Example
```yaml
.define: &layer_norm_factory !partial:torch.nn:RMSNorm@layer_norm_factory
    normalized_shape: !var "hidden_size"
    eps: !var "rms_norm_epsilon"
```

## Use instead
```yaml
.define: &layer_norm_factory !partial:torch.nn:RMSNorm@layer_norm_factory
    normalized_shape: !var "hidden_size"
    eps: !var "rms_norm_eps"
```

## What you see at run time
`TypeError: construct_model() missing 1 required positional argument: '...'`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.templates import Configuration, UnsuppliedVariable
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.templates import came_by
from forgather_lint.linting.support.wording import one_of


@rule("FGL607", "variable-never-supplied", Severity.ERROR)
def check(configuration: Configuration) -> Iterator[Finding]:
    for variable in configuration.unsupplied:
        yield _finding(variable)


def _finding(variable: UnsuppliedVariable) -> Finding:
    name = variable.name
    return Finding(
        where=variable.where,
        message=f"nothing supplies `!var {name}`",
        label="no key of `model_config` has this name",
        related=came_by(variable.chain),
        consequence=f"`TypeError: construct_model() missing 1 required argument: '{name}'`",
        help=(
            f"did you mean {one_of(variable.near)}? Otherwise add `{name}` to the block "
            "`model_config`"
            if variable.near
            else f"add `{name}` to the block `model_config`"
        ),
    )

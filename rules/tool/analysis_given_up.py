"""The analysis of a model took more than it may, or ended its process.

## What it does
Reports a model whose analysis was ended from outside: it took more processor time, wall time or
memory than the limits allow, or its process died. Every other model is checked all the same, and
the exit code is 2.

## Why is this bad?
Nothing is known of the model. A model that is read within a second by torch may still hold what no
analysis comes to the end of.

## Example
```txt
models/big:1:1: FGL997 analysis-given-up error: it took more than 120 seconds of processor time
```

## Use instead
If the model is honest, give it more: `--time-limit 600`, `--memory-limit 16`, or `time-limit` and
`memory-limit` in the configuration. Please report a model that ends the process.

## What you see at run time
Nothing: neither transformers nor vLLM is concerned.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts import GivenUp
from forgather_lint.linting.rule import rule


@rule("FGL997", "analysis-given-up", Severity.ERROR)
def check(end: GivenUp) -> Iterator[Finding]:
    while_doing = f", while {end.doing}" if end.doing else ""
    yield Finding(
        end.where,
        f"the analysis was given up{while_doing}: {end.reason}",
        help="`--time-limit` and `--memory-limit` allow more",
    )

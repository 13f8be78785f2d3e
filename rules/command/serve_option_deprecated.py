"""A command gives an option that the engine is about to drop.

## What it does
Reports options of `vllm serve` that the release judged marks as deprecated.

## Why is this bad?
The command works today and ends with an error after the next update.

## Example
```sh
vllm serve model --disable-log-requests   # 0.11 to 0.16
```

## Use instead
```sh
vllm serve model --no-enable-log-requests
```

## What you see at run time
A warning in the log that the argument is deprecated.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.command import CommandRefused, RefusedFor
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.command import refused_finding


@rule("FGL701", "serve-option-deprecated", Severity.WARNING)
def check(fact: CommandRefused) -> Iterator[Finding]:
    if fact.refused.why is RefusedFor.DEPRECATED:
        yield refused_finding(
            fact,
            f"`{fact.refused.name}` is deprecated in {fact.release}",
            "",
            help=f"use {fact.instead}" if fact.instead else "",
        )

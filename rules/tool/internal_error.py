"""A rule ended in an error of this tool.

## What it does
Reports, in the place of its findings, a rule that raised an exception. All other rules still run.

## Why is this bad?
What the rule looks for was not checked. The model is not to blame.

## Example
```txt
config.json:1:1: FGL999 internal-error error: internal error in FGL106: KeyError('layers')
```

## Use instead
`--ignore FGL106`, the code that the message names, until the error is mended. Please report it with
what the same command prints under `--debug`.

## What you see at run time
Nothing: neither transformers nor vLLM is concerned.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts import RuleFailed
from forgather_lint.linting.rule import rule


@rule("FGL999", "internal-error", Severity.ERROR)
def check(failed: RuleFailed) -> Iterator[Finding]:
    message = f"internal error in {failed.code}: {failed.error}"
    yield Finding(failed.where, message, help="run again with --debug and report it")

"""A file of the model cannot be read or parsed.

## What it does
Reports config.json and Python files that are not UTF-8, not JSON, have a syntax error, or are too
large or too deeply nested to be analysed safely. The last is a warning, and the model is undecided:
what such a file defines is not known.

## Why is this bad?
What the file defines is not checked, and the loader of transformers fails on it as well.

## Example
```json
{"model_type": "llama",
```

## Use instead
```json
{"model_type": "llama"}
```

## What you see at run time
`SyntaxError`, `JSONDecodeError`, or "It looks like the config file at '...' is not a valid JSON
file."; nothing, if the file is merely too large for us.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts import Unreadable
from forgather_lint.facts.causes.running import ModelUnreadable
from forgather_lint.linting.rule import rule


@rule("FGL900", "unreadable-file", Severity.ERROR, explains=ModelUnreadable)
def check(file: Unreadable) -> Iterator[Finding]:
    severity = Severity.WARNING if file.beyond_bounds else None
    yield Finding(file.where, file.message, label="here", severity=severity)

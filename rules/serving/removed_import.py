"""The model imports a name that the target's transformers does not have.

## What it does
Compares what a file imports from transformers at its top, outside `try` and `if`, with a table of
the names that came and went.

The finding says which releases have the name.

## Why is this bad?
The file cannot be imported, so neither can the model.

## Example
```py
from transformers.utils import is_torch_fx_available
```

## Use instead
```py
# only names that both releases have, or an import inside try / except ImportError
```

## What you see at run time
`ImportError: cannot import name 'X' from 'transformers.y'`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.code import ImportRemoved
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule("FGL505", "removed-import", Severity.ERROR, explains=ImportRemoved)
def check(problem: ServingProblem, cause: ImportRemoved) -> Iterator[Finding]:
    yield finding(
        problem,
        f"`{cause.name}` is not in this release of transformers",
        label="imported here",
        help=f"use {cause.instead}" if cause.instead else "import it where it exists only",
    )

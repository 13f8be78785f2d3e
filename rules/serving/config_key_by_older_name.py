"""config.json has a key by a name that transformers has given up.

## What it does
Holds the keys of config.json, and of the configs inside of it, against the names that the target's
transformers has for them.

## Why is this bad?
The older name is read as the new one for as long as transformers keeps it, and where the file has
both, one of them is a dead letter.

The fix is safe because the value stays, and every release that is known reads it by either name. It
is offered where no file of the model says the older one.

## Example
```json
{"torch_dtype": "bfloat16"}
```

## Use instead
```json
{"dtype": "bfloat16"}
```

## What you see at run time
Nothing, or `` `torch_dtype` is deprecated! Use `dtype` instead! `` in the log.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.config import KeyHasNewName
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.edits import SAFE, rename
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL597",
    "config-key-by-older-name",
    Severity.INFO,
    explains=KeyHasNewName,
    rests_on=("transformers/config.renamed_fields",),
)
def check(problem: ServingProblem, cause: KeyHasNewName) -> Iterator[Finding]:
    found = finding(
        problem,
        f"this release of transformers calls `{cause.old}` `{cause.new}`",
        label="read under its new name",
        help=f"call it `{cause.new}`, unless a release that does not know that is to read it",
    )
    title = f"Rename the key to `{cause.new}`"
    fix = rename(problem.where, cause.new, title, SAFE)
    yield replace(found, severity=Severity.INFO, fix=fix)

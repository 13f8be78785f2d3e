"""The model imports a module or a name that the target's libraries do not have.

## What it does
Compares what a file imports from transformers, torch and the standard library at its top, outside
`try` and `if`, with tables of the names that each module has: in the target's release of
transformers, in the torch that the engine's release installs, if it says which, and in any Python
from 3.9 on. Modules that are private, or that compute their names, are taken to have any.

The finding says which releases have the name, if any has.

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
`ImportError: cannot import name 'X' from 'transformers.y'`, or `ModuleNotFoundError: No module
named 'torch.nn.functionals'`
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
    of_release = "" if cause.library == "the standard library" else "this release of "
    yield finding(
        problem,
        f"`{cause.name}` is not in {of_release}{cause.library}",
        label="imported here",
        help=_help(cause),
    )


def _help(cause: ImportRemoved) -> str:
    if cause.instead:
        return f"use {cause.instead}"
    if cause.near and not cause.releases:
        return f"did you mean `{cause.near}`?"
    if cause.releases:
        return f"import it where it exists only: {cause.library} {cause.releases}"
    return f"no release of {cause.library} that is known here has it"

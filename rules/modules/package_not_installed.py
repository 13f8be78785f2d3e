"""The model imports a package that is not installed where this tool runs.

## What it does
Reports an import of a package that is not there, unless it stands in a `try` with another way to
go. The analysis goes on: what comes from the package is unknown.

## Why is this bad?
What is built from the package is not checked, and a machine that serves the model without it
cannot load it.

## Example
```python
from einops import rearrange
```
in an environment without `einops`.

## Use instead
`pip install einops` beside this tool, and where the model is served.

## What you see at run time
`ImportError: This modeling file requires the following packages that were not found in your
environment: einops. Run `pip install einops``, where the package is missing there too.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts import PackageMissing
from forgather_lint.linting.rule import rule


@rule("FGL406", "package-not-installed", Severity.INFO)
def check(missing: PackageMissing) -> Iterator[Finding]:
    package = missing.package
    yield Finding(
        missing.where,
        f"`{package}` is not installed here",
        label="imported here",
        consequence="what is made with it is not checked; serving needs it as well",
        help=f"install `{package}` beside this tool to have it seen",
    )

"""A template asks for something that the linter will not do.

## What it does
Templates are programs. The linter runs them in a sandbox: no attributes of Python's internals, no
file outside the workspace and the Forgather checkout, bounded time, text and numbers. Reports what
crosses these lines; the rest of the configuration is not read.

## Why is this bad?
A template from a stranger could otherwise read files, or keep the linter busy for ever. An honest
template has no need of any of it.

## Example
```yaml
-- set escape = ''.__class__.__mro__
```

## Use instead
Write what the template needs into `meta.yaml` or the workspace; keep the folders of `searchdir`
inside the workspace. A Forgather checkout elsewhere is recognised by its `templatelib` and allowed.

## What you see at run time
Forgather's own sandbox refuses attributes (`jinja2.exceptions.SecurityError`); it neither limits
the work nor the folders.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.templates import Configuration, FaultKind
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.templates import came_by


@rule("FGL611", "template-refused", Severity.ERROR)
def check(configuration: Configuration) -> Iterator[Finding]:
    for fault in configuration.faults:
        if fault.kind is FaultKind.REFUSED:
            yield Finding(
                where=fault.where,
                message=f"refused: {fault.message}",
                related=came_by(fault.chain),
                consequence="the configuration is not linted any further",
                help="write the template without it",
            )

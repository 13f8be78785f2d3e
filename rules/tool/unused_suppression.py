"""A comment silences a rule that finds nothing there.

## What it does
Reports each code of this tool in a `# noqa: ...`, `# forgather-lint: ignore[...]` or
`# forgather-lint: file-ignore[...]` comment, or in one that opens a range (`disable[...]`), where
the rule found nothing, an `enable[...]` that ends no range, and `# forgather-lint: ignore` without
a code, which silences nothing. A code is left alone when its rule did not run. Codes of other tools
and a bare `# noqa` are never reported.

The comment concerns this tool alone.

## Why is this bad?
The comment outlives the defect it was written for. The next defect of this kind on the line
appears without a word.

## Example
```py
base_model_tp_plan = {"layers.*.attention.query_linear": "colwise"}  # noqa: FGL101
```
where the pattern matches its modules.

## Use instead
```py
base_model_tp_plan = {"layers.*.attention.query_linear": "colwise"}
```

## What you see at run time
Nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts import UnusedSuppression
from forgather_lint.linting.rule import rule


@rule("FGL901", "unused-suppression", Severity.WARNING)
def check(unused: UnusedSuppression) -> Iterator[Finding]:
    if not unused.code:
        message = "suppression without a code silences nothing"
        yield Finding(unused.span, message, help="name the codes: `ignore[FGL101]`")
        return
    yield Finding(
        unused.span,
        f"unused suppression of {unused.code}",
        label=f"{unused.code} is not found here",
        help=f"remove `{unused.code}` from the comment",
    )

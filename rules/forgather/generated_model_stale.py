"""A generated model differs from what its templates now say.

## What it does
Renders the model from its templates and compares it with the files in the model's output folder, if
there are any: the generated file, the parts copied beside it, and the values in `config.json`.

## Why is this bad?
Forgather does not generate a model again while its `config.json` exists. A change of a template, of
a plan above all, then has no effect on the model that is trained and served.

## Example
```yaml
[model_code_generator]
    == super()
    no_split_modules: ["PostLNLayer"]  # the model in output_models/ still says PreLNLayer
```

## Use instead
Delete `output_models/NAME` (or only its `*.py` files and `config.json`, to keep the weights) and
run `forgather -t CONFIG construct` again.

## What you see at run time
Nothing, or, from Forgather: "The source data for '...' has changed; overwrite is prohibited."
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Label, OneCause, Severity
from forgather_lint.core.source import Position, Span
from forgather_lint.facts.templates import Configuration, StaleFile
from forgather_lint.linting.rule import rule


@rule("FGL610", "generated-model-stale", Severity.WARNING)
def check(configuration: Configuration) -> Iterator[Finding]:
    for stale in configuration.stale:
        yield _finding(configuration, stale)


def _finding(configuration: Configuration, stale: StaleFile) -> Finding:
    at = Position(stale.row, 1)
    return Finding(
        where=configuration.where,
        message=(
            f"`{stale.file}` is missing from the generated model"
            if stale.missing
            else f"`{stale.file}` differs from what the templates now say"
        ),
        related=() if stale.missing else (Label(Span(stale.file, at, at), _difference(stale)),),
        consequence="changes of the templates have no effect on the model that is served",
        help="delete the generated files and generate the model again",
        cause=OneCause("{number} generated files are not what the templates now say"),
    )


def _difference(stale: StaleFile) -> str:
    return f"`{stale.found}` here, now `{stale.expected}`"

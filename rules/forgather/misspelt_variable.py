"""A variable with a default has a name that nothing can set, and resembles the key it is for.

## What it does
Looks at keys whose value is a variable with a default, `key: {{ variable | toyaml(0.0) }}`. When no
command-line argument and no importing project sets the variable, its name differs from the key but
resembles it, and it contains a word that no other such variable or key uses, it is reported.

## Why is this bad?
The default hides the mistake: the template renders, and the value that a user passes for the key is
ignored.

The fix is unsafe because likeness is a guess.

## Example
```yaml
[model_config]
    activation_dropout: {{ hiactivation_dropoutdden_size | toyaml(0.0) }}
```

## Use instead
```yaml
[model_config]
    activation_dropout: {{ activation_dropout | toyaml(0.0) }}
```

## What you see at run time
Nothing: the model is always built with the default.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Applicability, Edit, Finding, Fix, Severity
from forgather_lint.facts.templates import Configuration, Fallback
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.templates import came_by

_ALIKE = 0.75


@rule("FGL602", "misspelt-variable", Severity.WARNING)
def check(configuration: Configuration) -> Iterator[Finding]:
    for fallback in configuration.fallbacks:
        if not fallback.known and _resembles(fallback) and _strange(fallback):
            yield _finding(fallback)


def _resembles(fallback: Fallback) -> bool:
    key, variable = fallback.key, fallback.variable
    if key == variable:
        return False
    # Pasted into the middle of another name, as against `dataset` in `dataset_config`.
    pasted = key in variable and f"_{key}_" not in f"_{variable}_"
    from difflib import SequenceMatcher  # only a slip pays for it

    return pasted or SequenceMatcher(None, key, variable).ratio() >= _ALIKE


def _strange(fallback: Fallback) -> bool:
    """Whether the variable has a word that no name in the templates has.

    Else it is no misspelling.
    """
    return not fallback.words.issuperset(fallback.variable.split("_"))


def _finding(fallback: Fallback) -> Finding:
    edit = Edit(fallback.where, fallback.key)
    return Finding(
        where=fallback.where,
        message=f"nothing sets `{fallback.variable}`; the default of `{fallback.key}` hides it",
        label=f"did you mean `{fallback.key}`?",
        related=came_by(fallback.chain),
        consequence=f"a value given for `{fallback.key}` is ignored without a message",
        help=f"read the variable `{fallback.key}`",
        fix=Fix(f"Read `{fallback.key}`", (edit,), Applicability.UNSAFE),
    )

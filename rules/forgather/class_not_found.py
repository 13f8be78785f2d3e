"""A call in the model's node graph names a class or function that does not exist.

## What it does
Looks up constructors such as `.glu_feedforward:GLUFeedforwardLayer` in the folders of the model's
`submodule_searchpath`, and names without a module among Python's builtins. The files are parsed,
never imported.

## Why is this bad?
The generated file imports a name that is not there, so that the model cannot be built. Forgather
generates it all the same and fails afterwards.

## Example
```yaml
.define: &feedforward_factory !partial:.glu_feedforward:GLUFeedForward@feedforward_factory
    d_model: !var "hidden_size"
```

## Use instead
```yaml
.define: &feedforward_factory !partial:.glu_feedforward:GLUFeedforwardLayer@feedforward_factory
    d_model: !var "hidden_size"
```

## What you see at run time
`ModuleNotFoundError: No module named '...'` or `ImportError: cannot import name '...' from '...'`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.templates import Configuration, ConstructorCall
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.templates import came_by
from forgather_lint.linting.support.wording import one_of


@rule("FGL605", "class-not-found", Severity.ERROR)
def check(configuration: Configuration) -> Iterator[Finding]:
    for reference in configuration.references:
        if not reference.found:
            yield _finding(reference)


def _finding(reference: ConstructorCall) -> Finding:
    module, _, name = reference.constructor.partition(":")
    return Finding(
        where=reference.where,
        message=_message(reference, module, name),
        label=f"`{reference.file}` has no `{name}`" if reference.file else "not found",
        related=came_by(reference.chain),
        consequence=_error(reference, module, name),
        help=(
            f"did you mean {one_of(reference.near)}?"
            if reference.near
            else "correct the name; searched: " + ", ".join(reference.searched)
        ),
    )


def _message(reference: ConstructorCall, module: str, name: str) -> str:
    if reference.file:
        return f"`{module}` defines no `{name}`"
    return f"the module `{module}` is not found" if name else f"`{module}` is no builtin"


def _error(reference: ConstructorCall, module: str, name: str) -> str:
    if reference.file:
        return f"`ImportError: cannot import name '{name}'` when the model is built"
    if not name:
        return f"`NameError: name '{module}' is not defined` when the model is built"
    return f"`ModuleNotFoundError: No module named '...{module}'` when the model is built"

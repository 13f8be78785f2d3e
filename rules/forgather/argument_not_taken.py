"""A call in the model's node graph gives an argument that its constructor does not take.

## What it does
Compares the arguments of every call whose constructor lies in the model's own files with the
parameters in that file. Constructors with `**kwargs` take anything; those whose source does not
decide what they take (decorators, metaclasses, foreign base classes) are left alone.

## Why is this bad?
The model is generated and copied, and fails when it is built. Often a module was replaced by one
with other parameters, and the arguments of the old one stayed.

## Example
```yaml
.define: &feedforward_factory !partial:.feedforward_layer:FeedforwardLayer@feedforward_factory
    d_model: !var "hidden_size"
    d_hidden: !var "intermediate_size"
```

## Use instead
```yaml
.define: &feedforward_factory !partial:.feedforward_layer:FeedforwardLayer@feedforward_factory
    d_model: !var "hidden_size"
    d_feedforward: !var "intermediate_size"
```

## What you see at run time
`TypeError: FeedforwardLayer.__init__() got an unexpected keyword argument 'd_hidden'`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Label, Severity
from forgather_lint.facts.templates import (
    Argument,
    Configuration,
    ConstructorCall,
    ConstructorSignature,
)
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.templates import came_by
from forgather_lint.linting.support.wording import all_of, one_of


@rule("FGL606", "argument-not-taken", Severity.ERROR)
def check(configuration: Configuration) -> Iterator[Finding]:
    for reference in configuration.references:
        if reference.takes is not None:
            yield from _unknown(reference, reference.takes)
            yield from _too_many(reference, reference.takes)


def _unknown(reference: ConstructorCall, takes: ConstructorSignature) -> Iterator[Finding]:
    given = {argument.name for argument in reference.arguments}
    for argument in reference.arguments:
        if not takes.any_keyword and argument.name not in takes.keywords:
            from difflib import get_close_matches  # only a slip pays for it

            free = sorted(takes.keywords - given)
            near = get_close_matches(argument.name, free, n=2) or free[:3]
            yield _finding(reference, argument, near)


def _finding(reference: ConstructorCall, argument: Argument, near: list[str]) -> Finding:
    name = reference.constructor.rpartition(":")[2]
    return Finding(
        where=argument.where,
        message=f"`{name}` takes no argument `{argument.name}`",
        related=(*_defined(reference), *came_by(reference.chain)),
        consequence=f"`TypeError: {name} got an unexpected keyword argument '{argument.name}'`",
        help=f"did you mean {one_of(near)}?" if near else "remove the argument",
    )


def _too_many(reference: ConstructorCall, takes: ConstructorSignature) -> Iterator[Finding]:
    if takes.any_positional or reference.positional <= len(takes.positional):
        return
    name = reference.constructor.rpartition(":")[2]
    most = len(takes.positional)
    yield Finding(
        where=reference.where,
        message=f"`{name}` takes {most} positional arguments, {reference.positional} are given",
        related=(*_defined(reference), *came_by(reference.chain)),
        consequence=f"`TypeError: {name} takes {most} positional arguments ... were given`",
        help=f"it takes {all_of(takes.positional)}" if most else "give none",
    )


def _defined(reference: ConstructorCall) -> tuple[Label, ...]:
    return (Label(reference.defined, "defined here"),) if reference.defined else ()

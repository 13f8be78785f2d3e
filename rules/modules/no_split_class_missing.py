"""`_no_split_modules` names a class that the model never builds.

## What it does
Compares every name with the class names of the modules in the tree. An error if no class of that
name exists in the model's source, an info if one exists but this configuration builds none.

transformers reads the attribute, vLLM does not.

## Why is this bad?
The blocks that were meant may be cut in two by `device_map="auto"`, in the middle of a residual
connection. One wrong name stops FSDP auto-wrapping; if all are wrong, newer transformers fail.

The fix is unsafe because likeness is a guess.

## Example
```py
_no_split_modules = ["LlamaDecoderLayer"]  # the class is called MyDecoderLayer
```

## Use instead
```py
_no_split_modules = ["MyDecoderLayer"]
```

## What you see at run time
FSDP auto-wrap: "Could not find the transformer layer class LlamaDecoderLayer in the model." With
`device_map="auto"` and no listed class in the model, transformers 5.14 on: `ValueError: max() arg
is an empty sequence`; before, nothing, then "Expected all tensors to be on the same device".
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Fix, Label, Severity
from forgather_lint.facts import ClassFact, Model, NameEntry
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.blocks import repeated_blocks
from forgather_lint.linting.support.edits import UNSAFE, rename
from forgather_lint.linting.support.nearest import closest
from forgather_lint.linting.support.tree import class_name
from forgather_lint.linting.support.wording import one_of


@rule("FGL401", "no-split-class-missing", Severity.ERROR)
def check(model: Model) -> Iterator[Finding]:
    built = {class_name(module) for module in model.whole.modules}
    for entry in model.plans.no_split or ():
        if entry.name not in built and not model.whole.open_at:
            yield _finding(entry, model)


def _finding(entry: NameEntry, model: Model) -> Finding:
    known = next((cls for cls in model.classes if cls.name == entry.name), None)
    meant = _meant(entry, model)
    return Finding(
        where=entry.where,
        message=f"`_no_split_modules` names `{entry.name}`, which "
        + ("this configuration never builds" if known else "is no class of this model"),
        label="no module of this class",
        related=_related(known),
        consequence=(
            'FSDP: "Could not find the transformer layer class '
            f'{entry.name} in the model."; `device_map="auto"` may cut a block in two'
        ),
        help=f"did you mean {one_of(meant)}?" if meant else "remove the name",
        fix=_renamed(entry, meant[0]) if len(meant) == 1 and not known else None,
        severity=Severity.INFO if known else None,
    )


def _meant(entry: NameEntry, model: Model) -> tuple[str, ...]:
    """The repeated blocks, not listed yet, whose class is named alike; all of them, if none is."""
    blocks = {class_name(module) for module in repeated_blocks(model.whole)}
    listed = {other.name for other in model.plans.no_split or ()}
    candidates = sorted(blocks - listed)
    return closest(entry.name, candidates) or tuple(candidates)


def _related(known: ClassFact | None) -> tuple[Label, ...]:
    return (Label(known.where, "defined here, never built"),) if known else ()


def _renamed(entry: NameEntry, name: str) -> Fix | None:
    return rename(entry.where, name, f"Use `{name}`", UNSAFE)

"""`_tied_weights_keys` names no parameter.

## What it does
Looks up both sides of `_tied_weights_keys` (a dict from the tied name to its source, or the list
of older releases) among the parameters and buffers, as a name, as a module, and as a regular
expression.

## Why is this bad?
The weights that were meant are not tied: both are saved, the tied one may be missing from a
checkpoint and then stays random. Newer transformers refuse to build the model.

The fix is unsafe because likeness is a guess.

## Example
```py
_tied_weights_keys = {"lm_head.weight": "model.embed_token.weight"}
```

## Use instead
```py
_tied_weights_keys = {"lm_head.weight": "model.embed_tokens.weight"}
```

## What you see at run time
Only with `tie_word_embeddings`. transformers 5 with plain names: "AttributeError: `embed_token` is
not an nn.Module", or "'...' object has no attribute 'embed_token'"; with patterns: "There is an
issue with your definition of `tie_weights_keys` for ...". Up to 4.57: nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Fix, Severity
from forgather_lint.facts import Model, NameEntry
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.edits import UNSAFE, rename
from forgather_lint.linting.support.keys import found_in_name
from forgather_lint.linting.support.nearest import closest
from forgather_lint.linting.support.wording import one_of

WHOLE_NAME = re.compile(r"[\w.]+")


@rule(
    "FGL403",
    "tied-weights-name-nothing",
    Severity.ERROR,
    rests_on=("transformers/modeling.tied_weights_list",),
)
def check(model: Model) -> Iterator[Finding]:
    names = [item.name for item in (*model.whole.parameters, *model.whole.buffers)]
    for entry in model.plans.tied or ():
        if entry.possible is not False:
            continue
        for side in filter(None, (entry.name, entry.source)):
            known = not any(_may_hold(place, side, entry) for place in model.whole.open_at)
            if known and not any(found_in_name(side, name) for name in names):
                yield _finding(entry, side, names)


def _may_hold(place: str, side: str, entry: NameEntry) -> bool:
    """Whether what is not known at `place` may be what `side` names.

    Both sides of a pair are whole names, which are looked up from the top.
    """
    if entry.source is None or WHOLE_NAME.fullmatch(side) is None:
        return True
    return not place or side == place or side.startswith(f"{place}.")


def _finding(entry: NameEntry, side: str, names: list[str]) -> Finding:
    meant = closest(side, names)
    return Finding(
        where=entry.where,
        message=f"`_tied_weights_keys` names `{side}`, which is no parameter of this model",
        label="tied to nothing" if side == entry.name else f"its source `{side}` does not exist",
        consequence="the weights are not tied; transformers 5 with `tie_word_embeddings` fails",
        help=f"did you mean {one_of(meant)}?" if meant else "remove the entry",
        fix=_renamed(entry, meant[0]) if meant and side == entry.name else None,
    )


def _renamed(entry: NameEntry, name: str) -> Fix | None:
    return rename(entry.where, name, f"Use `{name}`", UNSAFE)

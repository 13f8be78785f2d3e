"""Tied weights are a list, which transformers 5 cannot read.

## What it does
Reports a list in `_tied_weights_keys` of the class that AutoModel loads, when the config ties the
embeddings.

## Why is this bad?
`post_init` expects a dict from the tied parameter to its source, and raises.

The fix is safe because older releases take a dict as well, and the one table of the tokens is all
that a head can be tied to.

## Example
```py
_tied_weights_keys = ["lm_head.weight"]
```

## Use instead
```py
_tied_weights_keys = {"lm_head.weight": "model.embed_tokens.weight"}
```

## What you see at run time
`AttributeError: 'list' object has no attribute 'keys'`
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.code import TiedWeightsAreAList
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.edits import tie_to
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL509",
    "tied-weights-not-a-mapping",
    Severity.ERROR,
    explains=TiedWeightsAreAList,
    rests_on=("transformers/modeling.tied_weights_list",),
)
def check(problem: ServingProblem, cause: TiedWeightsAreAList) -> Iterator[Finding]:
    found = finding(
        problem,
        f"the tied weights of `{cause.name}` are a list, which transformers 5 cannot read",
        label="a dict is needed",
        help="write a dict of target to source; older releases take it as well",
    )
    yield replace(found, fix=tie_to(problem.where, cause.table) if cause.table else None)

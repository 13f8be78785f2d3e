"""The model serves at no size.

## What it does
Without a size on the command line, reports a model that provably fails or answers something else
at every size that is judged, one rank included.

What is judged is the target.

## Why is this bad?
No choice of sizes helps: the model itself, or what the release makes of it, has to change.

## Example
```py
class TinyModel(PreTrainedModel):
    _supports_attention_backend = False  # vLLM refuses the model at any size
```

## Use instead
```py
class TinyModel(PreTrainedModel):
    _supports_attention_backend = True
```
The finding that names the cause stands beside this one.

## What you see at run time
The error that the finding quotes, or wrong answers without one.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts import SizesJudged
from forgather_lint.facts.sizes import FAILS, WRONG
from forgather_lint.linting.rule import rule


@rule("FGL904", "no-size-serves", Severity.ERROR)
def check(judged: SizesJudged) -> Iterator[Finding]:
    broken = judged.at(FAILS, WRONG)
    if judged.asked or len(broken) < len(judged.sizes):
        return
    first = broken[0]
    yield Finding(
        where=judged.where,
        message=f"{judged.target.said} serves this at no size",
        label=first.reason,
        consequence=f"{judged.target.said} {_word(first.verdict)} already on one rank",
        target=str(judged.target),
    )


def _word(verdict: str) -> str:
    return "fails" if verdict == FAILS else "answers something else"

"""No tokenizer lies beside the weights.

## What it does
Reports a folder that holds weights of a model and no file of a tokenizer.

## Why is this bad?
vLLM loads the tokenizer of the folder when it starts, and ends without one, unless it is told of
another (`--tokenizer`) or to do without (`--skip-tokenizer-init`). A training script often saves
the model and forgets the tokenizer.

## Example
```python
model.save_pretrained("my_model")
```
and nothing else.

## Use instead
`tokenizer.save_pretrained(folder)` beside the model.

## What you see at run time
`ValueError: Couldn't instantiate the backend tokenizer from one of: ...`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.tokenizer import TokenizerMissing
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL639",
    "tokenizer-missing",
    Severity.WARNING,
    explains=TokenizerMissing,
    rests_on=("transformers/loading.tokenizer_missing",),
)
def check(problem: ServingProblem) -> Iterator[Finding]:
    yield finding(
        problem,
        "weights lie here, and no tokenizer",
        help="save the tokenizer beside the model, or say `--tokenizer` when it is served",
    )

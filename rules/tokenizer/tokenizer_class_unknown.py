"""The class of the tokenizer is one that this transformers does not have yet.

## What it does
Reports a `tokenizer_class` that came with transformers 5, for a target with transformers 4.

## Why is this bad?
transformers 5 writes `TokenizersBackend` where 4 wrote `PreTrainedTokenizerFast`. Older releases of
vLLM run beside transformers 4, which does not know the name.

## Example
```json
{"tokenizer_class": "TokenizersBackend"}
```

## Use instead
```json
{"tokenizer_class": "PreTrainedTokenizerFast"}
```

## What you see at run time
`ValueError: Tokenizer class TokenizersBackend does not exist or is not currently imported.`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.tokenizer import TokenizerClassUnknown
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL636",
    "tokenizer-class-unknown",
    Severity.ERROR,
    explains=TokenizerClassUnknown,
    rests_on=("transformers/loading.tokenizer_class_unknown",),
)
def check(problem: ServingProblem, cause: TokenizerClassUnknown) -> Iterator[Finding]:
    yield finding(
        problem,
        f"this transformers has no tokenizer `{cause.name}`",
        label="written by transformers 5",
        help="say `PreTrainedTokenizerFast`, which both know",
    )

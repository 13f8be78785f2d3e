"""The length asked for is above what the config allows.

## What it does
Compares `--max-model-len` with the smallest of the length fields of the config
(`max_position_embeddings` and its aliases).

## Why is this bad?
vLLM refuses to start.

## Example
```sh
vllm serve model --max-model-len 4096   # max_position_embeddings: 2048
```

## Use instead
```sh
vllm serve model --max-model-len 2048
```

## What you see at run time
`ValueError: User-specified max_model_len (4096) is greater than the derived max_model_len
(max_position_embeddings=2048 or model_max_length=None in model's config.json).`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.config import LengthExceedsPositions
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL526",
    "length-exceeds-positions",
    Severity.ERROR,
    explains=LengthExceedsPositions,
    rests_on=("vllm/config.length_exceeded",),
)
def check(problem: ServingProblem, cause: LengthExceedsPositions) -> Iterator[Finding]:
    yield finding(
        problem,
        f"the length asked for exceeds `{cause.name}`: {cause.asked} > {cause.limit}",
        label="the limit",
        help="ask for less, or raise the limit if the positions reach that far",
    )

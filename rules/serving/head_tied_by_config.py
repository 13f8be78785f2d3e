"""The config ties the embeddings, but the model does not.

## What it does
Reports `tie_word_embeddings: true` for a class without `_tied_weights_keys`.

## Why is this bad?
Up to 0.28 vLLM follows the config: it skips the weights of the head and uses the embedding's.

## Example
```json
{"tie_word_embeddings": true}
```

## Use instead
```json
{"tie_word_embeddings": false}
```

## What you see at run time
Nothing: other tokens than transformers generates (measured on 0.13).
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.config import TiedByConfigAlone
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL525",
    "head-tied-by-config",
    Severity.WARNING,
    explains=TiedByConfigAlone,
    rests_on=("vllm/weights.tied_head_in_checkpoint",),
)
def check(problem: ServingProblem, cause: TiedByConfigAlone) -> Iterator[Finding]:
    yield finding(
        problem,
        f"the config ties the embeddings, `{cause.name}` does not",
        label="the head's weights are not loaded",
        help="set it to false, or tie them in the class",
    )

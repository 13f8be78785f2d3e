"""The index of the weights is not one.

## What it does
Reports a `model.safetensors.index.json` that is not JSON, or has no `weight_map` of names to files.

## Why is this bad?
vLLM reads it before any file of weights, and does without a second thought what it says.

## Example
```json
{"metadata": {"total_size": 1024}}
```

## Use instead
```json
{"metadata": {}, "weight_map": {"model.norm.weight": "model-00001-of-00002.safetensors"}}
```
Without `model.safetensors.index.json` vLLM loads every safetensors file of the folder.

## What you see at run time
`KeyError: 'weight_map'`, `json.decoder.JSONDecodeError: ...` (measured on 0.32).
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.checkpoint import IndexUnusable
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL623",
    "index-unusable",
    Severity.ERROR,
    explains=IndexUnusable,
    rests_on=("vllm/checkpoint.nothing_found",),
)
def check(problem: ServingProblem) -> Iterator[Finding]:
    yield finding(
        problem,
        "the index of the weights cannot be used",
        help="write it anew with `save_pretrained`",
    )

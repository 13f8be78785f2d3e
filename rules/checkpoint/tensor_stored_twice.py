"""Two files that are loaded hold the same tensor.

## What it does
Reports a name that stands in several of the safetensors files that vLLM loads.

## Why is this bad?
Both are loaded, one over the other; the file whose name comes last counts, whatever the index says.
A whole `model.safetensors` beside shards without an index is loaded last.

## Example
```text
model.safetensors  model-00001-of-00002.safetensors  model-00002-of-00002.safetensors
```

## Use instead
Either `model.safetensors` or the shards.

## What you see at run time
Nothing (measured on 0.32).
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.checkpoint import TensorTwice
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL629",
    "tensor-stored-twice",
    Severity.WARNING,
    explains=TensorTwice,
    rests_on=("vllm/checkpoint.nothing_found",),
)
def check(problem: ServingProblem, cause: TensorTwice) -> Iterator[Finding]:
    more = f" ({cause.count} such tensors)" if cause.count > 1 else ""
    yield finding(
        problem,
        f"`{cause.name}` stands in `{cause.first}` and in `{cause.last}`, which counts{more}",
        help="keep the file that is meant",
    )

"""A safetensors file lies beside the index, and the index does not name it.

## What it does
Reports files of weights that vLLM passes over, since with an index it loads only what that names.

## Why is this bad?
Whoever saved the file may believe that it is served: a whole `model.safetensors` beside the shards
of an older run, or shards that were added without the index.

## Example
```text
model.safetensors  model-00001-of-00002.safetensors  model-00002-of-00002.safetensors
model.safetensors.index.json
```

## Use instead
One of both: remove `model.safetensors`, or the shards and their index.

## What you see at run time
Nothing: the shards are served (measured on 0.32).
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.checkpoint import FileNotLoaded
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL628",
    "weights-file-not-loaded",
    Severity.WARNING,
    explains=FileNotLoaded,
    rests_on=("vllm/checkpoint.nothing_found",),
)
def check(problem: ServingProblem, cause: FileNotLoaded) -> Iterator[Finding]:
    more = f" ({cause.count} such files)" if cause.count > 1 else ""
    yield finding(
        problem,
        f"`{cause.file}` is not loaded: the index does not name it{more}",
        help="remove it, or the index with the files that it names",
    )

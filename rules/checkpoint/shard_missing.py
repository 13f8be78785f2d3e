"""A file of weights that the index names is not there.

## What it does
Holds `model.safetensors.index.json` against the files beside it: vLLM looks for them in the folder
of the model itself, in no folder below it.

## Why is this bad?
Newer releases refuse to start. Older ones load the files that are there; then the rest of the
weights is missing (FGL625), or nothing was found at all.

## Example
```json
{"weight_map": {"model.norm.weight": "model-00002-of-00002.safetensors"}}
```
in a folder that holds `model-00001-of-00002.safetensors` alone.

## Use instead
All files of the index, or `save_pretrained` again, which writes the index anew: an index that
another way of saving has left behind names files that are gone.

## What you see at run time
`FileNotFoundError: Weight files referenced in index but missing: {'model-00002-of-00002...'}`, or
`RuntimeError: Cannot find any model weights with ...` (measured on 0.32).
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.checkpoint import FilesMissing
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL621",
    "shard-missing",
    Severity.ERROR,
    explains=FilesMissing,
    rests_on=("vllm/checkpoint.shard_missing", "vllm/checkpoint.nothing_found"),
)
def check(problem: ServingProblem, cause: FilesMissing) -> Iterator[Finding]:
    if not cause.file:
        yield finding(
            problem,
            "the index is there, and no file of weights that it names",
            help="copy or download the files, or remove the index",
        )
        return
    counted = f"{cause.missing} of {cause.count} files of the index"
    yield finding(
        problem,
        f"`{cause.file}` is not there ({counted})",
        label="named here",
        help="copy or download it again, or write the index anew with `save_pretrained`",
    )

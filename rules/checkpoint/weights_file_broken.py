"""A safetensors file cannot be opened.

## What it does
Reads the header of each file that vLLM would load, and holds it against the size of the file, as
the `safetensors` library does. The data are not read.

## Why is this bad?
A copy that was cut off, a pointer of Git LFS, a pickle with another suffix: the library refuses it.

## Example
```text
version https://git-lfs.github.com/spec/v1
oid sha256:4d7a21...
size 4976698672
```
as the text of `model-00001-of-00002.safetensors`.

## Use instead
The file itself: `git lfs pull`, or the download once more.

## What you see at run time
`SafetensorError: Error while deserializing header: incomplete metadata, file not fully covered`.
Without a `dtype` in config.json newer releases read the headers themselves before, and fail with an
error of Python's: `MemoryError`, `struct.error` (measured on 0.32).
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.checkpoint import FileBroken
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL622",
    "weights-file-broken",
    Severity.ERROR,
    explains=FileBroken,
    rests_on=("vllm/checkpoint.nothing_found",),
)
def check(problem: ServingProblem, cause: FileBroken) -> Iterator[Finding]:
    why = f": {cause.why}" if cause.why else ""
    yield finding(
        problem,
        f"`{cause.file}` cannot be opened{why}",
        help="copy or download it again",
    )

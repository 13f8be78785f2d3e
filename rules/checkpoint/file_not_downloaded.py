"""A file that the engine reads is a pointer of Git LFS.

## What it does
Reports pickled weights and files of the tokenizer that are pointers: the text that a clone without
`git lfs` has in their place. Of safetensors files FGL622 says it, of config.json FGL900. For the
tokenizer it is a warning, as a server may be told of another (`--tokenizer`).

## Why is this bad?
The file was never downloaded. Whoever reads it fails with an error that speaks of its format.

## Example
```text
version https://git-lfs.github.com/spec/v1
oid sha256:4d7a21...
size 9085657
```
as the text of `tokenizer.json`.

## Use instead
The file itself: `git lfs pull`, or the download once more.

## What you see at run time
`JSONDecodeError: Expecting value: line 1 column 1 (char 0)` of a tokenizer,
`UnpicklingError: Weights only load failed.` of weights.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core import git_lfs
from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.checkpoint import FileNotDownloaded
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL631",
    "file-not-downloaded",
    Severity.ERROR,
    explains=FileNotDownloaded,
    rests_on=(
        "vllm/checkpoint.pickle_refused",
        "transformers/loading.tokenizer_not_json",
        "transformers/loading.tokenizer_model_unread",
    ),
)
def check(problem: ServingProblem, cause: FileNotDownloaded) -> Iterator[Finding]:
    yield finding(
        problem,
        f"`{cause.file}` is {git_lfs.SAID}",
        help="`git lfs pull`, or download it once more",
    )

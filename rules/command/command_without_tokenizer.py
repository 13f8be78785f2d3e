"""A command serves a model that has no tokenizer, and names none.

## What it does
Reports a command whose model is a folder with weights and without any file of a tokenizer, or with
one that is a pointer of Git LFS, where neither `--tokenizer` nor `--skip-tokenizer-init` is said.

## Why is this bad?
The server ends when it loads the tokenizer.

## Example
```sh
vllm serve my_model
```
where `my_model` holds `config.json` and `model.safetensors`.

## Use instead
```sh
vllm serve my_model --tokenizer path/to/tokenizer
```
or the files of the tokenizer beside the model.

## What you see at run time
`ValueError: Couldn't instantiate the backend tokenizer from one of: ...`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core import git_lfs
from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.command import CommandWithoutTokenizer
from forgather_lint.linting.rule import rule


@rule(
    "FGL708",
    "command-without-tokenizer",
    Severity.ERROR,
    rests_on=(
        "transformers/loading.tokenizer_missing",
        "transformers/loading.tokenizer_not_json",
    ),
)
def check(fact: CommandWithoutTokenizer) -> Iterator[Finding]:
    has = "the model has no tokenizer"
    if fact.pointer:
        has = f"`{fact.pointer}` is {git_lfs.SAID}"
    yield Finding(
        where=fact.where,
        message=f"{has}, and the command names no other",
        consequence=f"{fact.release}: `{fact.text}`",
        help="add `--tokenizer`, or save the tokenizer beside the model",
        target=fact.release,
    )

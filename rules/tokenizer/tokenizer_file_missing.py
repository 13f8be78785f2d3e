"""The class of the tokenizer stands in a file that is not there.

## What it does
Reports an `AutoTokenizer` in the `auto_map` of tokenizer_config.json whose file is not there.

## Why is this bad?
vLLM loads the tokenizer when it starts, and so the file that holds its class.

## Example
```json
{"auto_map": {"AutoTokenizer": ["tokenization_x.XTokenizer", null]}}
```
in a folder without `tokenization_x.py`.

## Use instead
The file beside the others; or, where tokenizer.json says everything, a `tokenizer_config.json`
without `auto_map`.

## What you see at run time
`OSError: ... does not appear to have a file named tokenization_x.py.`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.tokenizer import TokenizerFileMissing
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL635",
    "tokenizer-file-missing",
    Severity.ERROR,
    explains=TokenizerFileMissing,
    rests_on=("transformers/loading.tokenizer_file_missing",),
)
def check(problem: ServingProblem, cause: TokenizerFileMissing) -> Iterator[Finding]:
    yield finding(
        problem,
        f"the tokenizer `{cause.name}` stands in {cause.file}, which is not there",
        label="named here",
        help=f"copy {cause.file} into the folder, or remove the entry",
    )

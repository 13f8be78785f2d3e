"""The class of the processor stands in a file that is not there.

## What it does
Reports an `AutoProcessor` in the `auto_map` of processor_config.json, preprocessor_config.json,
tokenizer_config.json or config.json whose file is not there, for a model with a config for text
inside its config.

## Why is this bad?
vLLM serves such a model as one of several modalities, and loads its processor when it starts.

## Example
```json
{"auto_map": {"AutoProcessor": "processing_x.XProcessor"}}
```
in a folder without `processing_x.py`.

## Use instead
`processing_x.py` beside the others.

## What you see at run time
`OSError: ... does not appear to have a file named processing_x.py.`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.tokenizer import ProcessorFileMissing
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL638",
    "processor-file-missing",
    Severity.ERROR,
    explains=ProcessorFileMissing,
    rests_on=("transformers/loading.tokenizer_file_missing",),
)
def check(problem: ServingProblem, cause: ProcessorFileMissing) -> Iterator[Finding]:
    yield finding(
        problem,
        f"the processor `{cause.name}` stands in {cause.file}, which is not there",
        label="named here",
        help=f"copy {cause.file} into the folder",
    )

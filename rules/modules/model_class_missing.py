"""config.json names a class that no file defines.

## What it does
Follows `auto_map` and `architectures` of config.json to the class of the model and of its config.

## Why is this bad?
Nothing can load the model.

## Example
```json
{"auto_map": {"AutoModelForCausalLM": "modeling_tiny.TinyForCausalLm"}}
```
where `modeling_tiny.py` defines `TinyForCausalLM`.

## Use instead
```json
{"auto_map": {"AutoModelForCausalLM": "modeling_tiny.TinyForCausalLM"}}
```

## What you see at run time
`AttributeError: module 'transformers_modules....modeling_tiny' has no attribute
'TinyForCausalLm'`, or `OSError: ... does not appear to have a file named modeling_tiny.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts import NotBuilt
from forgather_lint.facts.causes.running import ModelClassMissing
from forgather_lint.linting.rule import rule


@rule(
    "FGL404",
    "model-class-missing",
    Severity.ERROR,
    explains=ModelClassMissing,
)
def check(end: NotBuilt) -> Iterator[Finding]:
    yield Finding(
        end.where,
        end.message,
        label="named here",
        consequence="nothing can load the model",
        help="correct the name, or add the file",
    )

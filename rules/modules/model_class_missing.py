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
from forgather_lint.facts import EndKind, NotBuilt
from forgather_lint.linting.rule import rule


@rule("FGL404", "model-class-missing", Severity.ERROR)
def check(end: NotBuilt) -> Iterator[Finding]:
    if end.kind is EndKind.NO_CLASS:
        yield Finding(
            end.where,
            end.message,
            label="named here",
            consequence="nothing can load the model",
            help="correct the name, or add the file",
        )

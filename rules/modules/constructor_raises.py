"""The constructor of the model raises with the values of its config.

## What it does
Runs the constructor abstractly, with the values of config.json over the defaults of the config
class, and reports the exception that ends it: a failed assertion, a missing file or key, an
argument that a constructor does not take, an attention implementation that a table does not have
(for vLLM it is named `vllm`).

The constructor is run as each target runs it, which is a proof (an error), and with what the
newest known transformers makes of it (a warning). Without a config.json it is a warning too: the
class is the last one of the file, and its values are defaults that nobody has to serve.

## Why is this bad?
The model cannot be built by anyone. The plans are not checked.

## Example
```json
{"hidden_size": 100, "num_attention_heads": 8}
```
with `assert hidden_size % num_attention_heads == 0` in the attention.

## Use instead
```json
{"hidden_size": 104, "num_attention_heads": 8}
```

## What you see at run time
The same exception, when the model is loaded.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts import NotBuilt
from forgather_lint.facts.causes.running import ConstructorRaises
from forgather_lint.linting.rule import rule


@rule(
    "FGL405",
    "constructor-raises",
    Severity.WARNING,
    explains=ConstructorRaises,
)
def check(end: NotBuilt) -> Iterator[Finding]:
    # Packages that are not installed here are none of these: this is a file of the model.
    sure = end.is_proof and (end.names_no_file or end.target)
    values = " with the defaults of its config class" if end.of_defaults else ""
    yield Finding(
        end.where,
        f"the constructor raises `{end.message}`{values}",
        label="raised here",
        consequence=f"`{end.message}` when the model is loaded",
        severity=Severity.ERROR if sure else None,
        target=end.target,
    )

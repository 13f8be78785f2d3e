"""A field of config.json is null that vLLM reads as a number.

## What it does
Reports fields that vLLM copies into a validated record and that are `null`, or a list, in the
config: the number of key-value heads, layers, attention heads, the hidden size, the size of the
vocabulary.

## Why is this bad?
A model that replaces the `null` by a default builds and trains; vLLM reads the config itself and
refuses it before it looks at the model.

## Example
```json
{"num_attention_heads": 8, "num_key_value_heads": null}
```

## Use instead
```json
{"num_attention_heads": 8, "num_key_value_heads": 8}
```

## What you see at run time
`pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig`, then the name of
the field and `Input should be a valid integer [type=int_type, input_value=None,
input_type=NoneType]`, of a list `[type=int_type, input_value=[2, 2], input_type=list]`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.config import FieldIsNull
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL501",
    "config-field-null",
    Severity.ERROR,
    explains=FieldIsNull,
    rests_on=("vllm/config.integer_null", "vllm/config.kv_heads_null"),
)
def check(problem: ServingProblem, cause: FieldIsNull) -> Iterator[Finding]:
    yield finding(
        problem,
        f"`{cause.name}` is {'a list' if cause.is_list else 'null'}",
        label="vLLM needs a number",
        help="write the largest of the numbers here, and the list under a name of its own"
        if cause.is_list
        else "write the number" + (" of the attention heads" if cause.counts_heads else ""),
    )

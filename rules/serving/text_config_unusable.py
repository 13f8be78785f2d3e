"""The config has no text part with the sizes that vLLM reads there, or several.

## What it does
Reports a composite config whose text part (`text_config`, `text_encoder`, `decoder` or `generator`)
has no `num_attention_heads`, or that has two such parts.

## Why is this bad?
vLLM reads the sizes of the model from what `config.get_text_config()` returns.

## Example
```json
{"text_config": {"text_config": {"num_attention_heads": 8}}}
```

## Use instead
```json
{"text_config": {"num_attention_heads": 8}}
```

## What you see at run time
`ValueError: The text_config extracted from the model config does not have `num_attention_heads`
attribute. This indicates a mismatch between the model config and vLLM's expectations.` (measured on
0.32), or transformers' `Multiple valid text configs were found in the model config: [...]`.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.config import TextConfigUnusable
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule("FGL553", "text-config-unusable", Severity.ERROR, explains=TextConfigUnusable)
def check(problem: ServingProblem, cause: TextConfigUnusable) -> Iterator[Finding]:
    yield finding(
        problem,
        f"vLLM cannot read sizes from this config: {cause.told}",
        label="the text part of the config",
        help="have `get_text_config` return the config that has the sizes of the text model",
    )

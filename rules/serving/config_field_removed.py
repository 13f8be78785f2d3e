"""The model reads a config field that transformers 5 no longer sets.

## What it does
Builds the model as the target's transformers does. The base config of 4.x set some forty fields,
among them `pad_token_id`, `is_decoder` and `tie_word_embeddings`; that of 5.x sets none of them,
and takes settings of generation out of config.json.

## Why is this bad?
A field that neither the config class nor config.json sets is not there.

## Example
```py
self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size, config.pad_token_id)
```

## Use instead
```py
padding = getattr(config, "pad_token_id", None)
self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size, padding)
```

## What you see at run time
`AttributeError: 'MyConfig' object has no attribute 'pad_token_id'`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.code import ConfigFieldRemoved
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding, named_in_error, since


@rule(
    "FGL565",
    "config-field-removed",
    Severity.ERROR,
    explains=ConfigFieldRemoved,
    rests_on=("transformers/config.removed_fields",),
)
def check(problem: ServingProblem) -> Iterator[Finding]:
    yield finding(
        problem,
        f"nothing sets `{named_in_error(problem)}` in the config{since(problem)}",
        label="read here",
        help="set it in the config class, or read it with `getattr` and a default",
    )

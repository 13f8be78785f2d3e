"""The head of the model is not as wide as `vocab_size` of its config.

## What it does
Compares the rows of `lm_head.weight`, as the class with the head builds it, with `vocab_size`, from
which vLLM builds a head of its own. Where the two are tied, or weights lie beside the model, other
rules apply.

## Why is this bad?
The head that vLLM builds takes weights of its own size only. A vocabulary that is padded where the
model is built, and not in the config, ends the loading.

## Example
```py
self.lm_head = nn.Linear(config.hidden_size, config.vocab_size + 8, bias=False)
```

## Use instead
```py
self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)  # padded in the config
```

## What you see at run time
`AssertionError`, without a word, while the weights are loaded (measured on 0.32).
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.modules import HeadOfOtherWidth
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL598",
    "head-width-differs",
    Severity.ERROR,
    explains=HeadOfOtherWidth,
    rests_on=("vllm/checkpoint.size_of_split",),
)
def check(problem: ServingProblem, cause: HeadOfOtherWidth) -> Iterator[Finding]:
    yield finding(
        problem,
        f"the head gives {cause.width} scores, the one that vLLM builds {cause.wanted}",
        label="not as wide as `vocab_size`",
        help="say the padded size in config.json as `vocab_size`",
    )

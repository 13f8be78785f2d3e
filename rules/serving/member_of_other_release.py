"""The constructor uses a method that the transformers of the target does not have.

## What it does
Builds the model with the methods that `PreTrainedModel`, `PretrainedConfig` and the table of
attention functions have in the target's release. Transformers 5 took some away, among them
`get_head_mask` and `prune_heads`, and added others.

## Why is this bad?
The constructor raises, and the model is not loaded. In `forward` it is told as what `forward`
raises.

## Example
```py
self.attend = ALL_ATTENTION_FUNCTIONS.get_interface(config._attn_implementation, eager)
```
for a release before 5.1.

## Use instead
```py
self.attend = ALL_ATTENTION_FUNCTIONS[config._attn_implementation]
```

## What you see at run time
`AttributeError: 'AttentionInterface' object has no attribute 'get_interface'`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.code import MemberOfOtherRelease
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding, named_in_error, since


@rule("FGL555", "member-of-other-release", Severity.ERROR, explains=MemberOfOtherRelease)
def check(problem: ServingProblem) -> Iterator[Finding]:
    yield finding(
        problem,
        f"`{named_in_error(problem)}` does not exist{since(problem)}",
        label="used here",
        help="write it in the model, or ask with `hasattr` whether it is there",
    )

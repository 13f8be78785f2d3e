"""What stands outside the planned modules is applied once per pipeline stage.

## What it does
Runs `forward` as a pipeline, one stage after the other, and compares what comes out with what the
undivided model computes.

## Why is this bad?
Every stage runs the whole `forward`; only planned modules are placeholders where they do not
belong. A scale before the first layer, or a norm that is missing from the plan behind the last, is
applied on each stage. What layers leave to each other in a list or a dict, such as the values of
the first layer, does not come to the next stage.

## Example
```py
hidden_states = inputs_embeds * 2.0      # again on every stage
for layer in self.layers:
    hidden_states = layer(hidden_states)
```

## Use instead
```py
hidden_states = inputs_embeds            # scale inside `embed_tokens`, which the plan names
for layer in self.layers:
    hidden_states = layer(hidden_states)
```

## What you see at run time
Nothing: other tokens than on one stage (measured on 0.13 and 0.32).
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts import Judged
from forgather_lint.facts.causes.stages import AppliedPerStage
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.judged import finding


@rule("FGL312", "pp-outside-applied-per-stage", Severity.ERROR, explains=AppliedPerStage)
def check(judged: Judged) -> Iterator[Finding]:
    yield finding(judged)

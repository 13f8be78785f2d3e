"""One template writes the same key twice into one mapping.

## What it does
Reports a key that stands twice in a mapping when both lines come from the same template. A template
that repeats a key of its parent (below `== super()`) overrides it on purpose and is left alone.

## Why is this bad?
YAML keeps the last value and says nothing: the first line does nothing. In a plan, a layer is then
split in another way than the line that the reader sees first says.

## Example
```yaml
    base_model_tp_plan:
        "causal_lm.layer_stack.layers.*.feedforward.down_proj": "rowwise"
        "causal_lm.layer_stack.layers.*.feedforward.down_proj": "colwise"
```

## Use instead
```yaml
    base_model_tp_plan:
        "causal_lm.layer_stack.layers.*.feedforward.down_proj": "rowwise"
```

## What you see at run time
Nothing: the last value counts.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Label, Severity
from forgather_lint.facts.templates import Configuration, RepeatedTemplateKey
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.templates import came_by


@rule("FGL608", "repeated-template-key", Severity.WARNING)
def check(configuration: Configuration) -> Iterator[Finding]:
    for repeated in configuration.repeated:
        yield _finding(repeated)


def _finding(repeated: RepeatedTemplateKey) -> Finding:
    return Finding(
        where=repeated.second,
        message=f"`{repeated.key}` stands twice in this mapping; the first value is lost",
        label="this value counts",
        related=(Label(repeated.first, "this value is lost"), *came_by(repeated.chain)),
        consequence="YAML keeps the last value without a message",
        help="keep one of the two",
    )

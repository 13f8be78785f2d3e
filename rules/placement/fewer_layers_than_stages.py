"""There are more pipeline stages than layers.

## What it does
Compares the number of layers with the pipeline-parallel size.

## Why is this bad?
A stage is left without a layer.

## Example
```sh
vllm serve model --pipeline-parallel-size 8   # 4 layers
```

## Use instead
```sh
vllm serve model --pipeline-parallel-size 4
```

## What you see at run time
An error at load, or idle ranks.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts import Judged
from forgather_lint.facts.causes.stages import FewerLayersThanStages
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.judged import finding


@rule("FGL211", "fewer-layers-than-stages", Severity.ERROR, explains=FewerLayersThanStages)
def check(judged: Judged) -> Iterator[Finding]:
    yield finding(judged)

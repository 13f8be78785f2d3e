"""config.json does not name the class of the model.

## What it does
Reports a config.json without `architectures`.

## Why is this bad?
vLLM chooses the implementation by that name, before it looks at `auto_map`.

## Example
```json
{"auto_map": {"AutoModel": "modeling_x.XModel"}}
```

## Use instead
```json
{"architectures": ["XForCausalLM"], "auto_map": {"AutoModel": "modeling_x.XModel"}}
```

## What you see at run time
`ValueError: No model architectures are specified`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.config import NoArchitecture
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL502",
    "no-architecture",
    Severity.ERROR,
    explains=NoArchitecture,
    rests_on=("vllm/config.no_architecture",),
)
def check(problem: ServingProblem) -> Iterator[Finding]:
    yield finding(
        problem,
        "config.json does not say `architectures`",
        label="no class is named",
        help='add `"architectures": ["...ForCausalLM"]`',
    )

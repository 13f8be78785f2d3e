"""The folder has no config.json, by which vLLM loads a model.

## What it does
Reports a folder with the code of a model and no config.json, when it is the folder that was named.
A Python file that is named alone is judged with the defaults of its config class.

## Why is this bad?
A folder is served by its config.json: it names the classes and the sizes.

## Example
```text
model/modeling_x.py
model/configuration_x.py
```

## Use instead
```text
model/modeling_x.py
model/configuration_x.py
model/config.json    # save_pretrained writes it
```

## What you see at run time
`ValueError: Invalid repository ID or local directory specified: 'model'. Please verify the
following requirements: ...` (measured on 0.32).
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.config import ConfigNotFound
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL550",
    "config-not-found",
    Severity.ERROR,
    explains=ConfigNotFound,
    rests_on=("vllm/registry.config_not_found",),
)
def check(problem: ServingProblem, cause: ConfigNotFound) -> Iterator[Finding]:
    yield finding(
        problem,
        f"the folder `{cause.folder}` has no config.json",
        label="the code of a model that cannot be loaded",
        help="write one with `save_pretrained`, or name the Python file to judge it alone",
    )

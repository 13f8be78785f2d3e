"""vLLM has a model of its own by this name, and prefers it.

## What it does
Reports `architectures[0]` that the release serves by its own implementation, in a folder with code
of its own.

## Why is this bad?
Unless `--model-impl transformers` says otherwise, vLLM ignores the code in the folder. Everything
else that is reported here is about that code.

## Example
```json
{"architectures": ["LlamaForCausalLM"], "auto_map": {"AutoModel": "modeling_mine.MyModel"}}
```

## Use instead
```json
{"architectures": ["MyForCausalLM"], "auto_map": {"AutoModel": "modeling_mine.MyModel"}}
```

## Releases
All profiled releases of vLLM (0.11 and later); which names are native differs by release.

## What you see at run time
Nothing: the answers of another model; names of weights that are not found; or a field that your
config does not have, `AttributeError: 'XConfig' object has no attribute 'hidden_act'` (measured on
0.13 and 0.32 under the name `LlamaForCausalLM`).
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule("FGL536", "architecture-is-native", Severity.WARNING)
def check(problem: ServingProblem) -> Iterator[Finding]:
    if problem.code == "FGL536":
        yield finding(
            problem,
            f"vLLM serves a `{problem.name}` of its own instead of this code",
            label="the name of a model that vLLM has",
            help="choose another class name, or serve with `--model-impl transformers`",
        )

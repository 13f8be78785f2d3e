"""vLLM has a model of its own by this name, and runs that instead of the code here.

## What it does
Says so where vLLM's registry of models knows an architecture of config.json, or knows it under
another suffix that it converts (`LlamaForSequenceClassification`). Nothing else is then judged:
neither the code in the folder nor its plans are read.

Which names are native differs by release. Not with `--model-impl transformers`, which has the
code in the folder judged as the engine then runs it.

## Why is this bad?
It need not be: most models of transformers are meant to be served so. It is bad where the code in
the folder was to be used. Nothing is claimed of vLLM's own model: it is not a verdict that it
serves at some size.

## Example
```json
{"architectures": ["LlamaForCausalLM"], "auto_map": {"AutoModel": "modeling_mine.MyModel"}}
```

## Use instead
```json
{"architectures": ["MyForCausalLM"], "auto_map": {"AutoModel": "modeling_mine.MyModel"}}
```

## What you see at run time
Nothing: the answers of another model; names of weights that are not found; or a field that your
config does not have, `AttributeError: 'XConfig' object has no attribute 'hidden_act'` (measured on
0.13 and 0.32 under the name `LlamaForCausalLM`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.config import OwnModelServes
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule("FGL536", "architecture-is-native", Severity.INFO, explains=OwnModelServes)
def check(problem: ServingProblem, cause: OwnModelServes) -> Iterator[Finding]:
    found = finding(
        problem,
        f"vLLM's own `{cause.name}` serves: the code and plans here are not read",
        label="the name of a model that vLLM has",
        help="for this code, choose another name or serve with `--model-impl transformers`",
    )
    yield replace(found, severity=None)

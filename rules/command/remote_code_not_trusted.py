"""A command serves a model of custom code without allowing that it is run.

## What it does
Reports a command that serves a model whose config class is a file of its own folder
(`auto_map` names an `AutoConfig`, and neither transformers nor vLLM knows its `model_type`) without
`--trust-remote-code`.

## Why is this bad?
The config cannot be loaded, so the server does not start.

## Example
```sh
vllm serve output_models/my_model --tensor-parallel-size 4
```

## Use instead
```sh
vllm serve output_models/my_model --tensor-parallel-size 4 --trust-remote-code
```

## What you see at run time
`ValueError: The repository ... contains custom code which must be executed to correctly load the
model. ... Please pass the argument `trust_remote_code=True` to allow custom code to be run.`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.command import RemoteCodeNotTrusted
from forgather_lint.linting.rule import rule


@rule(
    "FGL704",
    "remote-code-not-trusted",
    Severity.ERROR,
    rests_on=("vllm/command.code_not_trusted",),
)
def check(fact: RemoteCodeNotTrusted) -> Iterator[Finding]:
    yield Finding(
        where=fact.where,
        message="the model brings code of its own, which this command does not allow to run",
        consequence=f"{fact.release}: `{fact.text}`",
        help=f"add `{'trust_remote_code=True' if fact.in_call else '--trust-remote-code'}`",
        target=fact.release,
    )

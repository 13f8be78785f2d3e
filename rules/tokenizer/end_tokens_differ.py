"""The files beside the model do not agree on the token that ends an answer.

## What it does
Compares `eos_token_id` of generation_config.json, of the config and the `eos_token` of the
tokenizer, whose id tokenizer_config.json or tokenizer.json says.

## Why is this bad?
vLLM stops at the token of the tokenizer and at those of generation_config.json; of config.json only
where there is no generation_config.json. A model that was trained to end with another one goes on
to the longest answer that is allowed.

## Example
```json
{"eos_token_id": 2}
```
in generation_config.json, and `"eos_token_id": 7` in config.json.

## Use instead
```json
{"eos_token_id": [2, 7]}
```
in generation_config.json: all tokens that end an answer.

## What you see at run time
Nothing: answers that do not end, or that end too early.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.tokenizer import EndsDiffer
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL637",
    "end-tokens-differ",
    Severity.WARNING,
    explains=EndsDiffer,
    rests_on=("vllm/conversation.other_ends",),
)
def check(problem: ServingProblem, cause: EndsDiffer) -> Iterator[Finding]:
    taken, other = _listed(cause.taken), _listed(cause.other)
    if cause.token:
        text = f"the tokenizer ends with `{cause.token}` ({other}), the model with {taken}"
        yield finding(problem, text, label="vLLM stops at either")
    else:
        text = f"`eos_token_id` is {other} in {cause.file}, and vLLM stops at {taken} alone"
        yield finding(problem, text, label="this counts", help=f"add {other} where it is to stop")


def _listed(ids: tuple[int, ...]) -> str:
    return ", ".join(map(str, ids))

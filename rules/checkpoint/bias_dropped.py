"""The checkpoint holds a bias for a layer that is built without one.

## What it does
Reports a stored `.bias` whose module has no such parameter, where the release leaves it out.

## Why is this bad?
The model was trained with the bias. vLLM drops it without a word (GPTQ files hold biases of zeros),
and so does transformers, with a warning. Older releases stop at it.

## Example
```json
{"attention_bias": false}
```
for weights that hold `model.layers.0.self_attn.q_proj.bias`.

## Use instead
```json
{"attention_bias": true}
```
or a checkpoint without the `bias`, if it is zero.

## What you see at run time
Nothing (measured on 0.32); up to 0.24 `ValueError: There is no module or parameter named ...`.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.checkpoint import BiasDropped
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL627",
    "bias-dropped",
    Severity.WARNING,
    explains=BiasDropped,
    rests_on=("vllm/checkpoint.bias_without_parameter",),
)
def check(problem: ServingProblem, cause: BiasDropped) -> Iterator[Finding]:
    more = f" ({cause.count} such tensors)" if cause.count > 1 else ""
    yield finding(
        problem,
        f"`{cause.name}` is stored, and the model is built without it{more}",
        label="left out",
        help="build the layer with a bias if it was trained with one",
    )

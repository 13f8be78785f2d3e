"""The constructor of the model reads a value of a tensor, and vLLM builds the model without any.

## What it does
Follows on which device each tensor of a constructor is made. Parameters are on the device `meta`
as soon as a module holds them; newer releases build the whole model there first. So they are when
`post_init` calls `_init_weights`. A shape, a type or a device can be read there; a number, a truth
value, a list or an array cannot.

## Why is this bad?
The constructor raises, and the model is not loaded.

## Example
```py
rates = [x.item() for x in torch.linspace(0, config.drop_path_rate, config.num_hidden_layers)]
```

## Use instead
```py
rates = torch.linspace(0, config.drop_path_rate, config.num_hidden_layers, device="cpu").tolist()
```
A device that is named is kept; so is what a file computes while it is imported, and what the config
computes.

## What you see at run time
`RuntimeError: Tensor.item() cannot be called on meta tensors`, or
`NotImplementedError: Cannot copy out of meta tensor; no data!`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.code import TensorReadWhileBuilt
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL554",
    "tensor-value-read",
    Severity.ERROR,
    explains=TensorReadWhileBuilt,
    rests_on=(
        "vllm/building.tensors_on",
        "vllm/building.parameters_on",
        "vllm/building.tensors_stay_on",
        "vllm/building.value_read",
    ),
)
def check(problem: ServingProblem) -> Iterator[Finding]:
    yield finding(
        problem,
        "the constructor reads a tensor that has no values while vLLM builds the model",
        label="read here",
        help='compute it with plain Python, or make the tensor with `device="cpu"`',
    )

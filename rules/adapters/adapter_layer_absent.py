"""A LoRA adapter changes layers that the model does not have.

## What it does
Looks for every layer that `adapter_model.safetensors` has tensors for by its whole name, after the
release has renamed it as it does. It is an error for a command that loads the adapter, else a
warning.

## Why is this bad?
vLLM compares the last part of names. What is called like a layer of the model and is none is left
out without a word: the adapter is for another model, or for more layers.

## Example
```json
{"peft_type": "LORA", "r": 8, "lora_alpha": 16, "target_modules": ["q_proj"]}
```
with tensors of `model.layers.9`, for a model with four layers.

## Use instead
The adapter with the model that it was trained for, with all its layers in `num_hidden_layers`.

## What you see at run time
Nothing: the answers are those of the model without that part of the adapter.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.adapter import AdapterLayerAbsent
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL643",
    "adapter-layer-absent",
    Severity.ERROR,
    explains=AdapterLayerAbsent,
    rests_on=("vllm/adapters.layer_absent",),
)
def check(problem: ServingProblem, cause: AdapterLayerAbsent) -> Iterator[Finding]:
    more = f", and {cause.several - 1} more" if cause.several > 1 else ""
    yield finding(
        problem,
        f"the adapter changes `{cause.layer}`{more}, and the model has no such layer",
        label="left out",
    )

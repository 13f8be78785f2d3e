"""A LoRA adapter beside the model is for modules that the model does not have.

## What it does
Reads `adapter_config.json` and the names in `adapter_model.safetensors`, in the folder of the model
and directly below it, or where `--lora-modules` of a command says, and looks for a layer called
like each module. It is an error for a command that loads the adapter, else a warning.

## Why is this bad?
vLLM refuses such an adapter as a whole. Names of fused layers (`qkv_proj`, `gate_up_proj`) are not
those of the model, even where vLLM fuses its layers.

## Example
```json
{"peft_type": "LORA", "r": 8, "target_modules": ["qkv_proj"]}
```
for a model with `q_proj`, `k_proj` and `v_proj`.

## Use instead
```json
{"peft_type": "LORA", "r": 8, "target_modules": ["q_proj", "k_proj", "v_proj"]}
```
in training: the tensors have to be for these layers too.

## What you see at run time
The model serves. Where the adapter is loaded: `ValueError: While loading ..., expected target
modules in {...} but received [...]`.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.adapter import AdapterStrangers
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL640",
    "adapter-targets-unknown",
    Severity.ERROR,
    explains=AdapterStrangers,
    rests_on=("vllm/checkpoint.adapter_strangers",),
)
def check(problem: ServingProblem, cause: AdapterStrangers) -> Iterator[Finding]:
    modules, layers = ", ".join(cause.modules), ", ".join(cause.layers)
    yield finding(
        problem,
        f"the adapter is for `{modules}`, and no layer of the model is called so",
        label="" if problem.verdict else "the model serves without it",
        help=f"the layers are called {layers}",
    )

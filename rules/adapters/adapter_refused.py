"""vLLM does not load a LoRA adapter beside the model.

## What it does
Reads `adapter_config.json` in the folder of the model and directly below it as the release does:
the keys that it needs, and what PEFT can and it cannot (`modules_to_save`, DoRA, biases, weights
that PEFT changes as it loads, replicated layers). The names in `adapter_model.safetensors` have to
be those of LoRA.

## Why is this bad?
vLLM refuses such an adapter as a whole.

## Example
```json
{"peft_type": "LORA", "r": 8, "lora_alpha": 16, "target_modules": ["q_proj"], "use_dora": true}
```

## Use instead
```json
{"peft_type": "LORA", "r": 8, "lora_alpha": 16, "target_modules": ["q_proj"], "use_dora": false}
```
in training, or the adapter merged into the model.

## What you see at run time
The model serves. Where the adapter is loaded: `ValueError: vLLM does not yet support DoRA.` or what
the finding quotes.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.adapter import AdapterRefused
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL642",
    "adapter-refused",
    Severity.WARNING,
    explains=AdapterRefused,
    rests_on=(
        "vllm/adapters.key_missing",
        "vllm/adapters.refused",
        "vllm/adapters.start_refused",
        "vllm/adapters.bias_refused",
        "vllm/adapters.tensors_missing",
        "vllm/adapters.name_refused",
    ),
)
def check(problem: ServingProblem, cause: AdapterRefused) -> Iterator[Finding]:
    yield finding(
        problem, f"the adapter is not loaded: {cause.what}", label="the model serves without it"
    )

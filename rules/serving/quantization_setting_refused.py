"""The release does not take a setting of the quantization, or misses one.

## What it does
Reads `quantization_config` as the release does: which keys each method needs, how many bits it
takes, which sizes of groups, whether weights in the order of activations (`desc_act`, `actorder`),
what ModelOpt is said to have done (`quant_algo`, also in `hf_quant_config.json`).

## Why is this bad?
The server ends while it reads the config, or when it builds the first layer.

## Example
```json
{"quantization_config": {"quant_method": "gptq", "bits": 4, "group_size": 128, "sym": true}}
```
without `desc_act`.

## Use instead
A checkpoint that was quantized with settings of the release: for GPTQ `"bits": 4` or 8,
`"sym": true`, `"desc_act": false`, and groups of 32, 64 or 128.

## What you see at run time
`ValueError: Cannot find any of ['desc_act'] in the model's quantization config.` or what the
finding quotes.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.quantization import SettingRefused
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL594",
    "quantization-setting-refused",
    Severity.ERROR,
    explains=SettingRefused,
    rests_on=(
        "vllm/quantization.key_missing",
        "vllm/quantization.gptq_bits",
        "vllm/quantization.gptq_ordered",
        "vllm/quantization.gptq_group",
        "vllm/quantization.awq_bits",
        "vllm/quantization.fp8_scheme",
        "vllm/quantization.packed_ordered",
        "vllm/quantization.packed_form",
        "vllm/quantization.not_for_transformers",
        "vllm/quantization.modelopt_algorithms",
        "vllm/quantization.modelopt_unsaid",
        "vllm/quantization.modelopt_unknown",
        "vllm/quantization.modelopt_unknown_in_file",
        "vllm/quantization.nvfp4_unsaid",
        "vllm/quantization.torchao_untyped",
        "vllm/quantization.torchao_types",
        "vllm/quantization.storage_refused",
    ),
)
def check(problem: ServingProblem, cause: SettingRefused) -> Iterator[Finding]:
    if cause.key == "quant_method":
        text = f"`{cause.method}` is not for models that are served through transformers"
    elif not cause.value:
        text = f"`{cause.method}` needs `{cause.key}`, which is not there"
    elif cause.key == "config_groups":
        text = "weights in the order of activations are no longer taken"
    else:
        text = f"`{cause.method}` is not taken with `{cause.key}` {cause.value}"
    yield finding(problem, text)

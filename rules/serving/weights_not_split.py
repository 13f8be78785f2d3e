"""Weights that are quantized already are not shared out to several ranks.

## What it does
Reads the method of `quantization_config` and the number of tensor-parallel ranks that is asked for.

## Why is this bad?
bitsandbytes stores with each weight how it was quantized as a whole, which is not for a part of it.
vLLM ends before it loads the first one.

## Example
```json
{"quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": true}}
```
on two ranks.

## Use instead
`--pipeline-parallel-size` instead of ranks, or a checkpoint of another method: AWQ, GPTQ,
compressed-tensors.

## What you see at run time
`ValueError: Prequant BitsAndBytes models with tensor parallelism is not supported. Please try with
pipeline parallelism.`
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts import Judged
from forgather_lint.facts.causes.quantization import WeightsNotSplit
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.judged import finding


@rule(
    "FGL583",
    "weights-not-split",
    Severity.ERROR,
    explains=WeightsNotSplit,
    rests_on=("vllm/quantization.prepared_not_split",),
)
def check(judged: Judged) -> Iterator[Finding]:
    cause = judged.cause
    assert isinstance(cause, WeightsNotSplit)
    message = f"weights of `{cause.method}` are not shared out to several ranks"
    yield replace(finding(judged), message=message)

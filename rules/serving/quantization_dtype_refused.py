"""The quantization does not compute in the dtype that the model is served in.

## What it does
Compares the dtype that is asked for (`--dtype`, or the setting `dtype`) with those that the method
takes on no device. Where a device decides, as for bfloat16 and AWQ before 0.24, nothing is claimed.

## Why is this bad?
The server ends before it builds the model.

## Example
`vllm serve MODEL --dtype float32` with
```json
{"quantization_config": {"quant_method": "gptq"}}
```

## Use instead
`--dtype bfloat16` or `--dtype float16`.

## What you see at run time
`ValueError: torch.float32 is not supported for quantization method auto_gptq. Supported dtypes:
[torch.float16, torch.bfloat16]`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.quantization import DtypeRefused
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL595",
    "quantization-dtype-refused",
    Severity.ERROR,
    explains=DtypeRefused,
    rests_on=("vllm/quantization.dtype_refused",),
)
def check(problem: ServingProblem, cause: DtypeRefused) -> Iterator[Finding]:
    help_text = "serve in bfloat16 or float16"
    yield finding(problem, f"`{cause.method}` does not compute in {cause.dtype}", help=help_text)

"""The release has no quantization of the name that config.json gives.

## What it does
Compares `quantization_config.quant_method` with the methods that the release has, and with those
that it takes only under `--allow-deprecated-quantization`. A method that another one may take over
(`producer`, `checkpoint_format` and the like) is left alone.

## Why is this bad?
The server ends while it reads the config.

## Example
```json
{"quantization_config": {"quant_method": "sinq", "bits": 4}}
```

## Use instead
A method of the release, such as `compressed-tensors`, or the plain weights.

## What you see at run time
`ValueError: Unknown quantization method: sinq. Must be one of [...].`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.quantization import MethodUnknown
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL591",
    "quantization-method-unknown",
    Severity.ERROR,
    explains=MethodUnknown,
    rests_on=("vllm/quantization.unknown", "vllm/quantization.refused"),
)
def check(problem: ServingProblem, cause: MethodUnknown) -> Iterator[Finding]:
    if cause.deprecated:
        help_text = "pass `--allow-deprecated-quantization`, or quantize anew"
        yield finding(problem, f"`{cause.method}` is no longer taken", help=help_text)
    else:
        yield finding(problem, f"there is no quantization `{cause.method}`")

"""A rank's share of a quantized layer cuts a group of weights in two.

## What it does
Weights that are quantized by groups (`group_size`) have one scale for so many columns of a layer's
input. A row-parallel layer divides its input by the number of ranks; what a rank gets must be a
whole number of groups. Looked at are compressed-tensors in the format `pack-quantized`, and AWQ up
to the releases that have one implementation of it for every GPU; later ones take it on some
devices, so that nothing is claimed.

## Why is this bad?
The model loads on one rank and fails on more.

## Example
```json
{
  "intermediate_size": 384,
  "quantization_config": {"quant_method": "awq", "bits": 4, "group_size": 128}
}
```
on two ranks: 192 columns each.

## Use instead
A group size that divides the share of every rank, such as `"group_size": 64`, or fewer ranks.

## What you see at run time
`ValueError: The input size is not aligned with the quantized weight shape. This can be caused by
too large tensor parallel size.` or what the finding quotes. On some devices another kernel says so
in other words.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts import Judged
from forgather_lint.facts.causes.quantization import GroupsCut
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.judged import finding


@rule(
    "FGL592",
    "quantization-groups-cut",
    Severity.ERROR,
    explains=GroupsCut,
    rests_on=("vllm/quantization.awq_groups_cut", "vllm/quantization.packed_groups_cut"),
)
def check(judged: Judged) -> Iterator[Finding]:
    yield finding(judged)

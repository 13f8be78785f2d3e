"""A rank's share of a quantized layer cuts a group of weights in two.

## What it does
Weights that are quantized by groups (`group_size`) have one scale for so many columns of a layer's
input, FP8 with `weight_block_size` one for a tile of so many rows and columns. A row-parallel layer
divides its input by the number of ranks; what a rank gets must be a whole number of groups. So must
the parts of a layer that the release joins, and the whole input on one rank. Looked at are AWQ,
GPTQ, compressed-tensors in the format `pack-quantized`, FP8, and ModelOpt's NVFP4, MXFP8 and
FP8_PB_WO, whose groups have one size.

Quantized experts are held to the same: each rank has its share of the width of every expert. The
tiles of FP8 are made smaller there, down to 32, and the groups of GPTQ and AWQ halved to 32.

## Why is this bad?
The model loads on one rank and fails on more. Since 0.24 AWQ, and in 0.32 GPTQ, load where a device
takes them, and compute with the scales of other groups: the answers are wrong.

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
from dataclasses import replace

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
    rests_on=(
        "vllm/quantization.awq_groups_cut",
        "vllm/quantization.gptq_groups_cut",
        "vllm/quantization.packed_groups_cut",
        "vllm/quantization.block_columns_cut",
        "vllm/quantization.block_rows_cut",
        "vllm/quantization.nvfp4_groups_cut",
        "vllm/quantization.mxfp8_groups_cut",
        "vllm/quantization.modelopt_tiles_cut",
        "vllm/quantization.expert_hidden_cut",
        "vllm/quantization.expert_groups_cut",
        "vllm/quantization.expert_groups_halved",
        "vllm/quantization.mxfp8_expert_hidden_cut",
        "vllm/quantization.mxfp8_expert_groups_cut",
        "vllm/quantization.expert_rows_cut",
        "vllm/quantization.expert_columns_cut",
    ),
)
def check(judged: Judged) -> Iterator[Finding]:
    cause = judged.cause
    assert isinstance(cause, GroupsCut)
    side = "outputs" if cause.rows else "inputs"
    yield replace(
        finding(judged),
        message=f"a rank gets {cause.width} of the {side} of `{cause.layer}`: no whole number of "
        f"groups of {cause.group}",
    )

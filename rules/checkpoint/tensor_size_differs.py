"""A tensor of the checkpoint has another size than the parameter it is for.

## What it does
Holds the shape of every stored tensor against the shape that the constructors make of the config.

## Why is this bad?
Most such tensors are refused. But of a layer that is sharded each rank takes its part from the
beginning of the tensor: of one that is longer than the parameter the rest is dropped, and the model
serves with some of its rows. transformers refuses all of them.

## Example
```json
{"num_attention_heads": 8, "num_key_value_heads": 2}
```
for weights with four key-value heads: `k_proj.weight` is cut in half.

## Use instead
```json
{"num_attention_heads": 8, "num_key_value_heads": 4}
```
The config that was saved with the weights; for a vocabulary that was resized its new `vocab_size`.

## What you see at run time
`AssertionError` (vocabulary), `RuntimeError: start (0) + length (128) exceeds dimension size
(64).`, `AssertionError: Attempted to load weight (torch.Size([136])) into parameter
(torch.Size([128]))`, or nothing (all measured on 0.32).
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.checkpoint import TensorSize
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL626",
    "tensor-size-differs",
    Severity.ERROR,
    explains=TensorSize,
    rests_on=("vllm/checkpoint.split_too_long",),
)
def check(problem: ServingProblem, cause: TensorSize) -> Iterator[Finding]:
    stored, built = list(cause.stored), list(cause.built)
    cut = ", and is cut to it" if problem.verdict == "wrong" else ""
    yield finding(
        problem,
        f"`{cause.name}` is stored as {stored}, the model makes it {built}{cut}",
        label=f"built as {built}",
        help=f"make config.json say what {cause.file} was saved with",
    )

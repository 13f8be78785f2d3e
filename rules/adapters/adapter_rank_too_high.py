"""The rank of a LoRA adapter is above the one that vLLM allows by itself.

## What it does
Reports `r` of an `adapter_config.json` beside the model that is above the default of
`--max-lora-rank`.

## Why is this bad?
vLLM makes room for a rank when it starts, and refuses an adapter of a higher one.

## Example
```json
{"peft_type": "LORA", "r": 64}
```

## Use instead
`vllm serve MODEL --enable-lora --max-lora-rank 64`

## What you see at run time
`ValueError: LoRA rank 64 is greater than max_lora_rank 16.`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.adapter import AdapterRank
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL641",
    "adapter-rank-too-high",
    Severity.WARNING,
    explains=AdapterRank,
    rests_on=("vllm/checkpoint.adapter_rank",),
)
def check(problem: ServingProblem, cause: AdapterRank) -> Iterator[Finding]:
    yield finding(
        problem,
        f"the adapter has rank {cause.rank}, vLLM takes {cause.most} unless told otherwise",
        help=f"serve with `--max-lora-rank {cause.rank}`",
    )

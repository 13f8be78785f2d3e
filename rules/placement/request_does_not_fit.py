"""A request as long as the engine allows does not fit into the memory that is left for the cache.

## What it does
Where the memory of the devices is told (`--gpu-memory`, or by a command: `--kv-cache-memory-bytes`,
`--num-gpu-blocks-override`, `VLLM_CPU_KVCACHE_SPACE`), takes from it the parameters of each stage
and holds what one request of the full length needs to the rest. Activations and CUDA graphs are not
counted: what is told does not fit without them either.

## Why is this bad?
The engine ends when it has loaded the model.

## Example
```sh
vllm serve models/llama --max-model-len 131072 --kv-cache-memory-bytes 4G
```

## Use instead
```sh
vllm serve models/llama --max-model-len 16384 --kv-cache-memory-bytes 4G
```
or more ranks or stages: `forgather-lint matrix MODEL --gpu-memory 24GiB` shows what fits.

## What you see at run time
`ValueError: To serve at least one request with the model's max seq len (131072), (16.0 GiB KV cache
is needed, which is larger than the available KV cache memory (4.0 GiB). ...`
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts import Judged
from forgather_lint.facts.causes.placement import DoesNotFit
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.judged import finding


@rule(
    "FGL214",
    "request-does-not-fit",
    Severity.ERROR,
    explains=DoesNotFit,
    rests_on=("vllm/memory.needed", "vllm/memory.reserved_blocks", "vllm/memory.utilization"),
)
def check(judged: Judged, cause: DoesNotFit) -> Iterator[Finding]:
    message = f"a request of {cause.length:,} tokens does not fit into {cause.room / 2**30:.3g} GiB"
    if cause.room <= 0:
        message = "the parameters leave no memory for requests"
    yield replace(
        finding(judged),
        message=message,
        help="allow shorter requests (`--max-model-len`), or split the model further",
    )

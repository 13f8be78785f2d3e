"""Options of a command that the engine refuses together, or for this model.

## What it does
Checks options that the command line takes one by one and the engine refuses beside each other:
a tool choice without a parser, a batch below the length of a prompt without chunked prefill or
below the number of sequences, decode-context ranks that do not divide the tensor-parallel ones,
local data-parallel ranks above all of them, `--nnodes` beside Ray or that do not divide the ranks,
fewer adapters in memory than on the devices, expert parallelism for a model without experts, and a
quantization that is not that of the weights.

## Why is this bad?
The server ends while it reads its configuration.

## Example
```sh
vllm serve model --enable-auto-tool-choice
```

## Use instead
```sh
vllm serve model --enable-auto-tool-choice --tool-call-parser hermes
```

## What you see at run time
The error that the finding quotes.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.command import OptionsConflict
from forgather_lint.linting.rule import rule


@rule(
    "FGL703",
    "serve-options-conflict",
    Severity.ERROR,
    rests_on=(
        "vllm/command.nodes_of_ray",
        "vllm/command.nodes_uneven",
        "vllm/command.node_unknown",
        "vllm/command.adapters_held",
        "vllm/command.context_ranks_uneven",
        "vllm/command.cache_of_fp8_weights",
        "vllm/quantization.argument_differs",
        "vllm/quantization.argument_without_config",
    ),
)
def check(fact: OptionsConflict) -> Iterator[Finding]:
    yield Finding(
        where=fact.where,
        message=fact.message,
        consequence=f"{fact.release}: `{fact.text}`",
        target=fact.release,
    )

"""The checkpoint is pickled: what it holds is not read, and nothing is proved of it.

## What it does
Reports a folder whose only weights are `.bin` or `.pt` files.

## Why is this bad?
To read a pickle is to run it. vLLM loads such files, but nothing here can say whether their tensors
fit the model, so no size is called *serves*.

## Example
```text
config.json  modeling_x.py  pytorch_model.bin
```

## Use instead
`model.save_pretrained(folder, safe_serialization=True)`, which writes `model.safetensors`.

## What you see at run time
Nothing, if the tensors fit.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.checkpoint import WeightsPickled
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL620",
    "weights-not-read",
    Severity.WARNING,
    explains=WeightsPickled,
    rests_on=("vllm/checkpoint.nothing_found",),
)
def check(problem: ServingProblem, cause: WeightsPickled) -> Iterator[Finding]:
    more = f" and {cause.count - 1} more" if cause.count > 1 else ""
    yield finding(
        problem,
        f"the weights are pickled (`{cause.file}`{more}), and are not read here",
        help="save them as safetensors: `save_pretrained(..., safe_serialization=True)`",
    )

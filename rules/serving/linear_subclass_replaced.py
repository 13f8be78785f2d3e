"""A subclass of nn.Linear has a forward of its own, which vLLM drops.

## What it does
Reports classes that derive from `nn.Linear` and define `forward`, and linear layers whose weight is
made of others, as `weight_norm` does.

## Why is this bad?
vLLM replaces every `nn.Linear` by a layer of its own, subclasses too, planned or not, at every
size. What the subclass adds is never computed.

## Example
```py
class ScaledLinear(nn.Linear):
    def forward(self, x):
        return super().forward(x) * 0.25
```

## Use instead
```py
class Scaled(nn.Module):
    def __init__(self, linear):
        super().__init__()
        self.linear = linear

    def forward(self, x):
        return self.linear(x) * 0.25
```

## What you see at run time
Nothing: other tokens than transformers generates (measured on 0.13 and 0.32). Where the forward
returns several values, as routers do, or takes more than one, `ValueError: not enough values to
unpack (expected 2, got 1)` or `TypeError: ColumnParallelLinear.forward() takes 2 positional
arguments but 3 were given` (measured on 0.13, 0.25 and 0.32). Where the class has parameters of its
own, `ValueError: There is no module or parameter named` it, when the weights are loaded. The same
for `parametrizations` of a layer with `weight_norm`, and where projections are fused,
`AttributeError: QKVParallelLinear has no attribute `parametrizations`` (measured on 0.32).
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.modules import LinearForwardDropped
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL519",
    "linear-subclass-replaced",
    Severity.ERROR,
    explains=LinearForwardDropped,
    rests_on=("vllm/modules.linear_forward_kept",),
)
def check(problem: ServingProblem, cause: LinearForwardDropped) -> Iterator[Finding]:
    if cause.runs:
        yield finding(
            problem,
            f"`{cause.parameter}` of this `{cause.name}` has no place",
            label="replaced by a layer without it",
            help="serve a model whose layers have plain weights: "
            '`remove_parametrizations(module, "weight")` before it is saved',
        )
        return
    yield finding(
        problem,
        f"vLLM drops the forward of `{cause.name}`"
        + (f", and `{cause.parameter}` has no place" if cause.parameter else ""),
        label="never run by vLLM",
        help="hold an `nn.Linear` instead of deriving from it",
    )

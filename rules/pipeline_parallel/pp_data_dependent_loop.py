"""Which layers run depends on the values of tensors.

## What it does
Reports a condition on tensor values in `forward` below which layers of the stack are called: an
early exit, a layer that is skipped for some tokens. A condition inside a layer is left alone.

vLLM compiles unless `--enforce-eager` is given.

## Why is this bad?
A pipeline runs every layer of every stage for every batch, in order. Each rank would take the
decision on its own tensors, and ranks that disagree send or await what the other does not. vLLM
compiles the decoder as one graph and cannot trace such a branch at all.

## Example
```py
for layer in self.layers:
    hidden_states = layer(hidden_states)
    if hidden_states.abs().max() > self.threshold:
        break
```

## Use instead
A fixed number of layers, or a computed weight: `hidden_states + gate * layer(hidden_states)`.

## What you see at run time
`torch._dynamo.exc.Unsupported: Data-dependent branching`. With `--enforce-eager`: nothing, wrong
output or ranks that wait for each other.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Label, Severity
from forgather_lint.facts import Model, UndecidedBranch
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.stages import StagedEntry, stack_of, stages


@rule("FGL310", "pp-data-dependent-loop", Severity.WARNING, rests_on=("vllm/pipeline.names_from",))
def check(model: Model) -> Iterator[Finding]:
    stack = stack_of(stages(model))
    if model.trace is None or stack is None:
        return
    for branch in model.trace.branches:
        if any(module.rpartition(".")[0] == stack.module.name for module in branch.modules):
            yield _finding(branch, stack)


def _finding(branch: UndecidedBranch, stack: StagedEntry) -> Finding:
    name = stack.module.name
    return Finding(
        where=branch.where,
        message=f"which layers of `{name}` run depends on the values of a tensor",
        label="decided while the model runs",
        related=(Label(stack.entry.key_where, "a pipeline runs all of them, in order"),),
        consequence="`torch._dynamo.exc.Unsupported: Data-dependent branching`, or ranks that "
        "disagree when vLLM runs with `--enforce-eager`",
        help="run every layer and weight its result instead",
        module=name,
    )

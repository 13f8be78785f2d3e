"""A pipeline entry lists an input that the module's `forward` does not take.

## What it does
Compares the input names of an entry with the signature of the module's `forward` (of an element's,
for the stack of layers). A name is accepted if it is a parameter, if `forward` takes `**kwargs`,
or if the model passes the argument at its place by position. Silent where the signature is not
known.

## Why is this bad?
The names document what travels between stages. vLLM does not read them, other runners do, and a
name that `forward` never had usually means that the plan was written for another model.

## Example
```py
base_model_pp_plan = {
    "layers": (["hidden_states", "mask"], ["hidden_states"]),  # forward(x, attention_mask)
}
```

## Use instead
```py
base_model_pp_plan = {
    "layers": (["hidden_states", "attention_mask"], ["hidden_states"]),
}
```

## Releases
All.

## What you see at run time
vLLM: nothing, it reads the keys alone. A runner that passes the names as keywords: "TypeError:
forward() got an unexpected keyword argument 'mask'".
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Label, Severity
from forgather_lint.facts import Model, ModuleCall, PlanEntry
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.nearest import closest
from forgather_lint.linting.support.stages import Side, Stage, stages
from forgather_lint.linting.support.wording import all_of, one_of


@rule("FGL307", "pp-input-not-accepted", Severity.WARNING)
def check(model: Model) -> Iterator[Finding]:
    for stage in stages(model):
        call = _first_call(stage, model)
        if call is not None:
            for place, name in enumerate(stage.entry.inputs or ()):
                if not _accepted(name, place, call):
                    yield _finding(stage.entry, name, call)


def _first_call(stage: Stage, model: Model) -> ModuleCall | None:
    """The first call of the module, or of an element if it is the stack."""
    names = {stage.module.name}
    if stage.side is Side.STACK:
        names = {element.name for element in model.base.children(stage.module.name)}
    calls = model.trace.calls if model.trace else ()
    return next((call for call in calls if call.module in names), None)


def _accepted(name: str, place: int, call: ModuleCall) -> bool:
    signature = call.signature
    return signature is None or signature.accepts(name) or place < call.positional


def _finding(entry: PlanEntry, name: str, call: ModuleCall) -> Finding:
    taken = (*call.signature.positional, *call.signature.keyword_only) if call.signature else ()
    meant = closest(name, taken)
    return Finding(
        where=entry.value_where,
        message=f"`{entry.full_key}` lists the input `{name}`, which its `forward` does not take",
        label=f"`forward` takes {all_of(taken)}" if taken else "`forward` takes nothing",
        related=(Label(call.where, "called here"),),
        consequence=f"\"TypeError: forward() got an unexpected keyword argument '{name}'\" "
        "in a runner that passes the inputs by name; vLLM reads the keys alone",
        help=f"did you mean {one_of(meant)}?" if meant else f"remove `{name}`",
        module=entry.full_key,
    )

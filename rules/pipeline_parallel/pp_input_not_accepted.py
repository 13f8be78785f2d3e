"""A pipeline entry lists an input that the module's `forward` does not take.

## What it does
Looks for each input name of an entry on the way down to the module (to an element, for the stack of
layers): in the signatures of the forwards around it, of its own and of those below, in what they
read from `**kwargs`, in the keywords of the calls, and in what earlier entries return. A name that
is found in none of these places is reported, even if some `**kwargs` would take it. Where the
signature of the module is not known, as of `nn.Embedding`, an argument at its place is enough.

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

## What you see at run time
vLLM: nothing, it reads the keys alone. A runner that passes the names as keywords: "TypeError:
forward() got an unexpected keyword argument 'mask'".
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from forgather_lint.core.diagnostics import Finding, Label, Severity
from forgather_lint.facts import Model, ModuleCall, PlanEntry
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.nearest import closest
from forgather_lint.linting.support.stages import Side, StagedEntry, stages
from forgather_lint.linting.support.tree import is_within
from forgather_lint.linting.support.wording import all_of, one_of


@rule("FGL307", "pp-input-not-accepted", Severity.WARNING, rests_on=("vllm/pipeline.names_from",))
def check(model: Model) -> Iterator[Finding]:
    returned: set[str] = set()
    for stage in stages(model):
        call = _first_call(stage, model)
        if call is not None:
            for place, name in enumerate(stage.entry.inputs or ()):
                if not _accepted(name, place, call, model, returned):
                    yield _finding(stage.entry, name, call)
        returned |= {*(stage.entry.outputs or ())}


def _first_call(stage: StagedEntry, model: Model) -> ModuleCall | None:
    """The first call of the stage's module, or of an element if it is the stack.

    None if none runs.
    """
    names = {stage.module.name}
    if stage.side is Side.STACK:
        names = {element.name for element in model.base.children(stage.module.name)}
    calls = model.trace.calls if model.trace else ()
    return next((call for call in calls if call.module in names), None)


def _accepted(
    name: str, place: int, call: ModuleCall, model: Model, returned: Collection[str]
) -> bool:
    if call.signature is None:
        return True
    if call.signature.names(name) or name in call.keywords:
        return True
    if not call.signature.takes_kwargs and place >= call.positional:
        return False
    return name in returned or _on_the_way(name, call, model)


def _on_the_way(name: str, call: ModuleCall, model: Model) -> bool:
    """Whether `name` is a parameter of a forward around the module, or is passed on below it.

    Then the value may reach the module although its own forward has no such parameter.
    """
    trace = model.trace
    if trace is None or (trace.signature is not None and trace.signature.names(name)):
        return True
    for other in trace.calls:
        if name in other.keywords and is_within(other.module, call.module):
            return True
        if other.signature is None or not other.signature.names(name):
            continue
        filled = other.signature.positional[: other.positional]
        around = is_within(call.module, other.module)
        if around or (is_within(other.module, call.module) and name not in filled):
            return True
    return False


def _message(entry: PlanEntry, name: str, call: ModuleCall) -> str:
    listed = f"`{entry.full_key}` lists the input `{name}`"
    if call.signature is not None and call.signature.takes_kwargs:
        return f"{listed}, which no `forward` has and nothing passes or returns"
    return f"{listed}, which its `forward` does not take"


def _finding(entry: PlanEntry, name: str, call: ModuleCall) -> Finding:
    taken = (*call.signature.positional, *call.signature.keyword_only) if call.signature else ()
    meant = closest(name, taken)
    return Finding(
        where=entry.value_where,
        message=_message(entry, name, call),
        label=f"`forward` takes {all_of(taken)}" if taken else "`forward` takes nothing",
        related=(Label(call.where, "called here"),),
        consequence=f"\"TypeError: forward() got an unexpected keyword argument '{name}'\" "
        "in a runner that passes the inputs by name; vLLM reads the keys alone",
        help=f"did you mean {one_of(meant)}?" if meant else f"remove `{name}`",
        module=entry.full_key,
    )

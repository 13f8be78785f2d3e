"""A module with parameters runs in the base model but stands in no pipeline entry.

## What it does
Follows the hidden states through `forward` of the base model. A module that owns parameters, works
on them, and lies in no entry is reported: an error if it runs on what the layers return, a warning
before them, an info for the token embedding, which later stages do not run. Modules without
parameters (rotary embeddings, dropout) need no entry.

## Why is this bad?
vLLM replaces what the plan names by placeholders on the ranks that should not run it. What the
plan does not name stays on every rank and runs once per stage instead of once.

The fix is unsafe because it changes which rank runs the module.

## Example
```py
base_model_pp_plan = {
    "embed_tokens": (["input_ids"], ["inputs_embeds"]),
    "layers": (["hidden_states", "attention_mask"], ["hidden_states"]),
}
```
while `forward` ends with `self.norm(hidden_states)`.

## Use instead
Add `"norm": (["hidden_states"], ["hidden_states"])` after the layers.

## What you see at run time
Nothing: wrong output with two stages or more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from forgather_lint.core.diagnostics import Finding, Fix, Label, Severity
from forgather_lint.facts import Model, ModuleCall
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.edits import add_text, entry_text
from forgather_lint.linting.support.stages import (
    StagedEntry,
    calls_within,
    meant_by_misspelt,
    stack_of,
    stages,
)
from forgather_lint.linting.support.tree import is_within


@rule("FGL306", "pp-module-missing", Severity.ERROR, rests_on=("vllm/pipeline.names_from",))
def check(model: Model) -> Iterator[Finding]:
    plan = stages(model)
    stack = stack_of(plan)
    if model.trace is None or stack is None:
        return
    # What a misspelt entry means is told of that entry; a second one would leave the first.
    reported = set(meant_by_misspelt(model))
    for call in model.trace.calls:
        if any(is_within(call.module, name) for name in reported):
            continue
        severity = _severity(call, stack, model) if _uncovered(call, plan, model) else None
        if severity:
            reported.add(call.module)
            yield _finding(call, plan, stack, severity, model)


def _uncovered(call: ModuleCall, plan: tuple[StagedEntry, ...], model: Model) -> bool:
    """Whether the plan names no module around, at or below that of `call`, which has parameters."""
    name, planned = call.module, [stage.module.name for stage in plan]
    covered = any(is_within(name, other) or is_within(other, name) for other in planned)
    return not covered and any(p.name.startswith(f"{name}.") for p in model.base.parameters)


def _severity(call: ModuleCall, stack: StagedEntry, model: Model) -> Severity | None:
    """How bad it is that every rank runs `call`.

    None if no hidden states go into or come out of it.
    """
    if any(is_within(source, stack.module.name) for source in call.hidden_from):
        return Severity.ERROR
    layers = calls_within(model.trace, stack.module.name)
    if not any(is_within(source, call.module) for x in layers for source in x.hidden_from):
        return None
    inside = (m for m in model.base.modules if is_within(m.name, call.module))
    vocabulary = model.config.get("vocab_size")
    tokens = any(m.sizes.get("num_embeddings", 0) == vocabulary for m in inside)
    return Severity.INFO if tokens else Severity.WARNING


def _finding(
    call: ModuleCall,
    plan: Sequence[StagedEntry],
    stack: StagedEntry,
    severity: Severity,
    model: Model,
) -> Finding:
    only_memory = severity is Severity.INFO
    return Finding(
        where=stack.entry.key_where,
        message=f"`{call.module}` runs in `forward` but is in no entry of the pipeline plan",
        label="not covered by this plan",
        related=(Label(call.where, f"`{call.module}` runs here"),),
        consequence="every rank keeps a copy"
        if only_memory
        else "it runs once per stage: wrong output with two stages or more, without a message",
        help=f"add an entry for `{call.module}`, in the order in which it runs",
        fix=_added(call, plan, stack, severity, model),
        module=call.module,
        severity=severity,
    )


def _added(
    call: ModuleCall,
    plan: Sequence[StagedEntry],
    stack: StagedEntry,
    severity: Severity,
    model: Model,
) -> Fix | None:
    """An entry for the module of `call`, behind the last one that runs before it.

    Its names of inputs and outputs are those of the layers' entry, or of a table of tokens. None if
    the layers' entry has none, or a prefix.
    """
    given, made = stack.entry.inputs or (), stack.entry.outputs or ()
    if severity is Severity.ERROR:
        names = made[:1], made[:1]
    elif severity is Severity.INFO:
        names = ("input_ids",), ("inputs_embeds",)
    else:
        names = given[:1], given[:1]
    if not all(names) or stack.entry.prefix:
        return None
    before = [stage for stage in plan if _runs_before(stage, call, model)]
    text = entry_text(stack.entry, call.module, *names)
    title = f"Add an entry for `{call.module}`"
    if before:
        return add_text(before[-1].entry, text, title)
    return add_text(plan[0].entry, text, title, before=True)


def _runs_before(stage: StagedEntry, call: ModuleCall, model: Model) -> bool:
    runs = [each.order for each in calls_within(model.trace, stage.module.name)]
    return bool(runs) and max(runs) < call.order

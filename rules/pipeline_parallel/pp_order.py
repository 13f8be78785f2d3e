"""The entries of a pipeline plan do not stand in the order of the data flow.

## What it does
Follows `forward` of the base model and compares the order in which the planned modules run with
the order of the entries. An error if a module stands on the wrong side of the stack of layers, an
info if only neighbours on one side are swapped.

## Why is this bad?
The order is all that vLLM knows about a model: entries before the layers go to the first rank,
entries after them to the last, and every other rank gets a placeholder that hands its input on.
A final norm that is listed first runs on the first rank only, in the middle of the model.

The fix is unsafe because it changes which rank runs a module.

## Example
```py
base_model_pp_plan = {
    "norm": (["hidden_states"], ["hidden_states"]),
    "embed_tokens": (["input_ids"], ["inputs_embeds"]),
    "layers": (["hidden_states", "attention_mask"], ["hidden_states"]),
}
```

## Use instead
```py
base_model_pp_plan = {
    "embed_tokens": (["input_ids"], ["inputs_embeds"]),
    "layers": (["hidden_states", "attention_mask"], ["hidden_states"]),
    "norm": (["hidden_states"], ["hidden_states"]),
}
```

## What you see at run time
Nothing: wrong output with two stages or more. A swapped pair on one side changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from forgather_lint.core.diagnostics import Finding, Fix, Label, Severity
from forgather_lint.facts import Model, Trace
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.edits import reorder
from forgather_lint.linting.support.stages import Side, StagedEntry, calls_within, stack_of, stages


@rule("FGL305", "pp-order", Severity.ERROR, rests_on=("vllm/pipeline.names_from",))
def check(model: Model) -> Iterator[Finding]:
    plan = stages(model)
    stack = stack_of(plan)
    if model.trace is None or stack is None:
        return
    for stage in plan:
        if stage is not stack and _on_wrong_side(stage, stack, model.trace):
            yield _misplaced(stage, stack, _in_order(plan, model.trace))
    for first, second in pairwise(plan):
        if first.side is second.side and _runs_after(first, second, model.trace):
            yield _swapped(first, second, _in_order(plan, model.trace))


def _on_wrong_side(stage: StagedEntry, stack: StagedEntry, trace: Trace) -> bool:
    if stage.side is Side.BEFORE:
        return _runs_after(stage, stack, trace)
    return _runs_after(stack, stage, trace)


def _runs_after(late: StagedEntry, early: StagedEntry, trace: Trace) -> bool:
    """Whether both run, and each call of `late` comes after all calls of `early`."""
    late_calls = [call.order for call in calls_within(trace, late.module.name)]
    early_calls = [call.order for call in calls_within(trace, early.module.name)]
    return bool(late_calls and early_calls) and min(late_calls) > max(early_calls)


def _in_order(plan: Sequence[StagedEntry], trace: Trace) -> Fix | None:
    """Puts the entries in the order in which their modules first run.

    None if one of them never runs.
    """
    runs = {stage.module.name: calls_within(trace, stage.module.name) for stage in plan}
    if not all(runs.values()):
        return None
    wanted = sorted(plan, key=lambda stage: min(call.order for call in runs[stage.module.name]))
    return reorder([stage.entry for stage in plan], [stage.entry for stage in wanted])


def _misplaced(stage: StagedEntry, stack: StagedEntry, fix: Fix | None) -> Finding:
    runs, listed = ("after", "before") if stage.side is Side.BEFORE else ("before", "after")
    name, layers = stage.entry.full_key, stack.entry.full_key
    return Finding(
        where=stage.entry.key_where,
        message=f"`{name}` runs {runs} `{layers}` but is listed {listed} it",
        label=f"vLLM keeps it on the {stage.side.value} rank only",
        related=(Label(stack.entry.key_where, "the layers that are split"),),
        consequence="wrong output with two stages or more, without a message",
        help=f"move the entry {'behind' if runs == 'after' else 'before'} `{layers}`",
        fix=fix,
        module=stage.module.name,
    )


def _swapped(first: StagedEntry, second: StagedEntry, fix: Fix | None) -> Finding:
    return Finding(
        where=second.entry.key_where,
        message=f"`{second.entry.full_key}` runs before `{first.entry.full_key}`",
        label="listed after a module that runs later",
        consequence="nothing in vLLM: both stay on the same rank",
        help="list the modules in the order in which they run",
        fix=fix,
        module=second.module.name,
        severity=Severity.INFO,
    )

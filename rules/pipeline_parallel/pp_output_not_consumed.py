"""A pipeline entry lists an output that no later entry takes.

## What it does
Looks for every output name among the inputs of the entries that follow. The outputs of the last
entry are free. `inputs_embeds` and `hidden_states` count as one name: every plan in transformers
hands the first from the embedding to the layers, which call it by the second.

## Why is this bad?
What one stage leaves must be what the next one takes. An output that nobody takes is a misspelt
name, or a value that the plan promises to carry and that vLLM drops: a single tensor travels
between stages.

## Example
```py
base_model_pp_plan = {
    "embeddings": (["input_ids"], ["embedded"]),
    "layers": (["hidden_states", "attention_mask"], ["hidden_states"]),
}
```

## Use instead
```py
base_model_pp_plan = {
    "embeddings": (["input_ids"], ["hidden_states"]),
    "layers": (["hidden_states", "attention_mask"], ["hidden_states"]),
}
```

## What you see at run time
vLLM: nothing, it reads the keys alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Label, Severity
from forgather_lint.facts import Model, PlanEntry
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.stages import pp_entries
from forgather_lint.linting.support.wording import all_of

_STREAM = frozenset({"inputs_embeds", "hidden_states"})


@rule("FGL308", "pp-output-not-consumed", Severity.WARNING, rests_on=("vllm/pipeline.names_from",))
def check(model: Model) -> Iterator[Finding]:
    entries = pp_entries(model)
    for place, entry in enumerate(entries[:-1], start=1):
        later = entries[place:]
        if any(other.inputs is None for other in later):
            continue
        taken = {name for other in later for name in other.inputs or ()}
        for name in entry.outputs or ():
            if name not in taken and not (name in _STREAM and taken & _STREAM):
                yield _finding(entry, name, later[0])


def _finding(entry: PlanEntry, name: str, following: PlanEntry) -> Finding:
    takes = all_of(following.inputs) if following.inputs else "nothing"
    return Finding(
        where=entry.value_where,
        message=f"no later entry takes the output `{name}` of `{entry.full_key}`",
        label=f"leaves `{name}`",
        related=(Label(following.value_where, f"the next entry takes {takes}"),),
        consequence="nothing in vLLM, which reads the keys alone and carries one tensor",
        help="give what one entry leaves and what the next one takes the same name",
        module=entry.full_key,
    )

"""Code reads an attribute of a module that may be a placeholder on another rank.

## What it does
Reports code outside a planned module (or outside a layer of the stack) that reads one of its
attributes or calls a method of it other than `forward`. Modules that the plan lists before the
layers are a warning: that code may run on the first rank only.

## Why is this bad?
On the ranks that do not own it, vLLM puts a `PPMissingLayer` in the module's place: an
`nn.Identity` that hands on its first argument and has no other attributes.

## Example
```py
for layer in self.layers:
    mask = masks[layer.attention_type]
    hidden_states = layer(hidden_states, attention_mask=mask)
```

## Use instead
```py
for layer, attention_type in zip(self.layers, self.config.layer_types):
    hidden_states = layer(hidden_states, attention_mask=masks[attention_type])
```

## What you see at run time
`AttributeError: 'PPMissingLayer' object has no attribute 'attention_type'`, with two stages or
more.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Label, Severity
from forgather_lint.facts import Model, ModuleUse, UseKind, folded
from forgather_lint.facts.causes.stages import NoHiddenStates, StageRaises
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.stages import Side, StagedEntry, placeholder_for, stages
from forgather_lint.linting.support.tree import is_within

# What an nn.Identity has as well, of the names that models use.
_ON_IDENTITY = frozenset(
    {"children", "eval", "forward", "modules", "named_modules", "named_parameters", "parameters"}
    | {"register_forward_hook", "requires_grad_", "state_dict", "to", "train", "training"}
)


@rule(
    "FGL309",
    "pp-placeholder-use",
    Severity.ERROR,
    explains=(NoHiddenStates, StageRaises),
    rests_on=("vllm/pipeline.placeholder",),
)
def check(model: Model) -> Iterator[Finding]:
    plan = stages(model)
    reported: set[tuple[str, str]] = set()
    for use in model.trace.uses if model.trace else ():
        for stage in plan:
            module = placeholder_for(stage, use.module, model.base)
            seen = (folded(use.module), use.name)
            if module and seen not in reported and _breaks(use, module):
                reported.add(seen)
                yield _finding(use, stage, _first_missing(use, module))


def _breaks(use: ModuleUse, placeholder: str) -> bool:
    inside = is_within(use.caller, placeholder)
    return not inside and (use.module != placeholder or use.name not in _ON_IDENTITY)


def _first_missing(use: ModuleUse, placeholder: str) -> str:
    """The first attribute that the code reads of the placeholder, where it has none."""
    below = use.module.removeprefix(placeholder).lstrip(".")
    return below.partition(".")[0] or use.name


def _finding(use: ModuleUse, stage: StagedEntry, missing: str) -> Finding:
    done = "called" if use.kind is UseKind.METHOD else "read"
    of = f"`{use.name}` of `{folded(use.module)}`"
    return Finding(
        where=use.where,
        message=f"{of} is {done} on every rank, and those of other stages have a placeholder there",
        label="not on a `PPMissingLayer`",
        related=(Label(stage.entry.key_where, "the plan puts it on its rank only"),),
        consequence=(
            "vLLM, with two stages or more: "
            f"`AttributeError: 'PPMissingLayer' object has no attribute '{missing}'`"
        ),
        help="take the value from the config, or move the code into the module",
        module=use.module,
        severity=Severity.WARNING if stage.side is Side.BEFORE else None,
    )

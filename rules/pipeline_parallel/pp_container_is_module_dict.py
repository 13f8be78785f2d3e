"""The layers that a pipeline should split stand in an `nn.ModuleDict`.

## What it does
Reports a pipeline entry whose module is an `nn.ModuleDict` when no other entry names an
`nn.ModuleList`.

Without a proxy every release fails; a proxy needs one that takes dotted names.

## Why is this bad?
vLLM looks for an `nn.ModuleList` and for nothing else. A model may hide the dict behind a proxy
list in its `__getattr__`, as Forgather does; since 0.18 vLLM walks the dotted name step by step,
which goes past such a hook to the dict itself.

## Example
```py
self.layers = nn.ModuleDict()
for index in range(num_hidden_layers):
    self.layers[str(index)] = layer_factory(layer_idx=index)
```

## Use instead
```py
self.layers = nn.ModuleList(layer_factory(layer_idx=index) for index in range(num_hidden_layers))
```
The names of the parameters, `layers.0.…`, stay the same.

## What you see at run time
`ValueError: Could not find `ModuleList` in <class '...'>`, with two stages or more.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Label, Severity
from forgather_lint.core.version import ReleaseRange
from forgather_lint.facts import Model, Module, PlanEntry
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.stages import planned_modules
from forgather_lint.linting.support.tree import is_module_dict, is_module_list

_UNLESS = " (all releases, unless `__getattr__` hands out a list for this name)"


@rule(
    "FGL304",
    "pp-container-is-module-dict",
    Severity.ERROR,
    rests_on=("vllm/pipeline.lookup", "vllm/pipeline.no_list"),
)
def check(model: Model) -> Iterator[Finding]:
    planned = planned_modules(model)
    if any(is_module_list(module) for _, module in planned):
        return
    for entry, module in planned:
        if is_module_dict(module) and module.certain:
            yield _finding(entry, module, model.base.root)


def _finding(entry: PlanEntry, module: Module, cls: str) -> Finding:
    return Finding(
        where=entry.key_where,
        message=f"`{module.name}` is an `nn.ModuleDict`; vLLM splits an `nn.ModuleList`",
        label="names an `nn.ModuleDict`",
        related=(Label(module.where, "built here"),),
        consequence=(
            "vLLM from 0.18, with two stages or more: "
            f"`ValueError: Could not find `ModuleList` in <class '...{cls}'>`"
        ),
        help="keep the layers in an `nn.ModuleList`; the parameter names stay the same",
        module=module.name,
        releases=ReleaseRange.parse("vllm>=0.18")._replace(note=_UNLESS),
    )

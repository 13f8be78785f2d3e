"""A pipeline entry is not a pair of lists of names.

## What it does
Reports an entry whose value is anything but two lists (or tuples) of strings: the names of the
inputs and the names of the outputs.

## Why is this bad?
The format is `{name: ([inputs], [outputs])}`. vLLM reads only the names of the modules, so it does
not mind; whoever reads the pair, as `modeling_utils.PipelineParallel` of transformers 4.49 to 5.3
was made for, gets letters of a string, or an IndexError.

## Example
```py
base_model_pp_plan = {
    "norm": ("hidden_states", "hidden_states"),
}
```

## Use instead
```py
base_model_pp_plan = {
    "norm": (["hidden_states"], ["hidden_states"]),
}
```

## What you see at run time
vLLM and transformers: nothing. Readers of the pair: `IndexError`, or names of one letter.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts import Model
from forgather_lint.linting.rule import rule


@rule("FGL302", "pp-entry-malformed", Severity.ERROR, rests_on=("vllm/pipeline.names_from",))
def check(model: Model) -> Iterator[Finding]:
    for entry in (*model.plans.pp.entries, *model.plans.class_pp.entries):
        if entry.undecided or (entry.inputs is not None and entry.outputs is not None):
            continue
        yield Finding(
            where=entry.value_where,
            message=f"the entry `{entry.full_key}` is not a pair of lists of names",
            label=f"expected `([inputs], [outputs])`, found `{entry.value_text}`",
            consequence="nothing in vLLM, which reads the keys alone; readers of the pair fail",
            help='a list each for inputs and outputs: `(["hidden_states"], ["hidden_states"])`',
        )

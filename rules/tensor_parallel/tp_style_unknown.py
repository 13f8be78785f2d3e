"""A tensor-parallel style that neither vLLM nor transformers knows.

## What it does
Compares every style with the union of what vLLM and transformers know. A word that neither ever
knew is an error; one that older transformers releases know is a warning with its successor.

## Why is this bad?
vLLM replicates the layer without a word. transformers refuses the whole plan, also for entries
that match nothing, but only once tensor parallelism is asked for.

The fix is safe where the style is one that was renamed: it means the same. For a misspelt style the
fix is unsafe because likeness is a guess.

## Example
```py
base_model_tp_plan = {
    "layers.*.mlp.up_proj": "colwsie",
    "layers.*.mlp.down_proj": "rowwise",
}
```

## Use instead
```py
base_model_tp_plan = {
    "layers.*.mlp.up_proj": "colwise",
    "layers.*.mlp.down_proj": "rowwise",
}
```

## What you see at run time
vLLM: nothing, then `RuntimeError: mat1 and mat2 shapes cannot be multiplied` if a partner is
sharded. transformers 4.50 to 5.15: "Unsupported tensor parallel style colwsie. Supported styles
are ..."; 5.16 to 5.18: "Unsupported tensor parallel styles: {'colwsie'}"; 5.19 to 5.22:
"Unsupported parallel styles: {'colwsie'}"; 5.23: "Unsupported `tp_plan` styles: {'colwsie'}". A
style that is not a string: "Unsupported parallel style type <class 'int'>, expected str" in vLLM.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, OneCause, Severity
from forgather_lint.facts import Model, PlanEntry
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.edits import SAFE, UNSAFE, change_style
from forgather_lint.linting.support.nearest import closest
from forgather_lint.linting.support.styles import KNOWN, successor
from forgather_lint.linting.support.wording import one_of


@rule(
    "FGL102",
    "tp-style-unknown",
    Severity.ERROR,
    rests_on=(
        "vllm/plan.styles",
        "vllm/plan.unknown_style",
        "vllm/plan.style_not_text",
        "transformers/plan.styles",
        "transformers/plan.unknown_style",
    ),
)
def check(model: Model) -> Iterator[Finding]:
    for entry in (*model.plans.tp.entries, *model.plans.class_tp.entries):
        if entry.style is None:
            if not entry.undecided:
                yield _not_text(entry)
        elif entry.style not in KNOWN:
            yield _unknown(entry, entry.style)


def _not_text(entry: PlanEntry) -> Finding:
    return Finding(
        where=entry.value_where,
        message=f"the style of `{entry.full_key}` is not a string",
        label="not a string",
        consequence="vLLM: `ValueError: Unsupported parallel style type ..., expected str`",
        help='name a style, such as "colwise" or "rowwise"',
    )


def _unknown(entry: PlanEntry, style: str) -> Finding:
    retired = successor(style)
    meant = (retired,) if retired else closest(style, sorted(KNOWN))
    said = (
        f"the style `{style}` is known to older transformers releases only"
        if retired
        else f"`{style}` is no tensor-parallel style"
    )
    helps = f"did you mean {one_of(meant)}?" if meant else f"one of {one_of(sorted(KNOWN))}"
    return Finding(
        where=entry.value_where,
        message=said,
        label=f"used for `{entry.full_key}`",
        consequence=(
            "vLLM replicates the layer without a message; transformers refuses the whole plan: "
            f"\"Unsupported parallel styles: {{'{style}'}}\""
        ),
        help=helps,
        fix=change_style(entry, meant[0], SAFE if retired else UNSAFE) if meant else None,
        severity=Severity.WARNING if retired else None,
        cause=OneCause(f"{said}, in {{number}} entries", helps),
    )

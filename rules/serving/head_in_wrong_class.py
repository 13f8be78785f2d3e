"""The head stands in the class of AutoModel, or in no class at all.

## What it does
Looks for `lm_head` in the model that AutoModel builds, and in the one that AutoModelForCausalLM
builds, of an architecture that generates; and at how wide the answer of the former is.

## Why is this bad?
vLLM builds the base model with AutoModel and a head of its own beside it, which gets the weights
`lm_head.*` of the checkpoint. A base model that returns logits hands these to that head; a whole
model without a head has no weights for it.

## Example
```json
{"AutoModel": "modeling_x.XForCausalLM", "AutoModelForCausalLM": "modeling_x.XForCausalLM"}
```

## Use instead
```json
{"AutoModel": "modeling_x.XModel", "AutoModelForCausalLM": "modeling_x.XForCausalLM"}
```

## What you see at run time
Up to 0.20: `ValueError: Following weights were not initialized from checkpoint:
{'model.lm_head.weight'}`, or `{'lm_head.weight'}` where the whole model has no head (measured on
0.13 and 0.20). Later a head without weights answers at random, and logits that are not as wide as
the hidden states end the process (`exit code -6` on a CPU; measured on 0.25, 0.30 and 0.32). Logits
that happen to be as wide come from a head at random: another answer, and nothing said (0.32).
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.modules import HeadMisplaced
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL546",
    "head-in-wrong-class",
    Severity.ERROR,
    explains=HeadMisplaced,
    rests_on=("vllm/weights.layer_not_in_checkpoint",),
)
def check(problem: ServingProblem, cause: HeadMisplaced) -> Iterator[Finding]:
    yield finding(
        problem,
        cause.defect,
        label="vLLM builds the head beside AutoModel's class",
        help="name the class without a head for AutoModel, the one with it for the other",
    )

"""SGLang looks for a weight of the checkpoint where nothing is.

## What it does
Compares the names of the weights, as `save_pretrained` writes them, with where SGLang's
Transformers backend looks for them.

## Why is this bad?
It knows the prefixes `model`, `transformer` and `gpt_neox`, the heads `lm_head` and `embed_out`.
Any other name is looked for inside the base model.

## Example
```py
class X(PreTrainedModel):
    base_model_prefix = "decoder"    # and self.decoder is a child of it
```

## Use instead
```py
class X(PreTrainedModel):
    base_model_prefix = "model"
```

## What you see at run time
`ValueError: No module or parameter named 'model.decoder' in TransformersForCausalLM.`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.sglang import WeightLost
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL805",
    "weight-lost",
    Severity.ERROR,
    explains=WeightLost,
    rests_on=(
        "sglang/loading.prefixes",
        "sglang/loading.unknown_name",
    ),
)
def check(problem: ServingProblem, cause: WeightLost) -> Iterator[Finding]:
    yield finding(
        problem,
        f"SGLang cannot place the weight `{cause.saved}`",
        label="not found",
        help="call the base model `model` and its head `lm_head`",
    )

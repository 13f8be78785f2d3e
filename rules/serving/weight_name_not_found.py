"""A weight of the checkpoint has a name that vLLM cannot place.

## What it does
Maps the names that `save_pretrained` writes as the release does, and looks for each in the base
model and, for a model that generates, in the one linear layer `lm_head` that vLLM builds beside it.

## Why is this bad?
vLLM strips `base_model_prefix` from every name. If the model that AutoModel builds has a child of
that name, the rest no longer fits; before 0.18 only the prefix `model` was known. A head of several
layers, or of another name, has no place at all. Either way the weights do not load.

## Example
```py
class X(PreTrainedModel):              # loaded as AutoModel
    base_model_prefix = "causal_lm"    # and self.causal_lm is a child of it
```

## Use instead
```py
class X(PreTrainedModel):
    base_model_prefix = "model"
```

## What you see at run time
`ValueError: There is no module or parameter named 'input_encoder' in TransformersForCausalLM`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.modules import WeightNotPlaced
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL521",
    "weight-name-not-found",
    Severity.ERROR,
    explains=WeightNotPlaced,
    rests_on=("vllm/weights.base_prefix", "vllm/weights.unknown_name"),
)
def check(problem: ServingProblem, cause: WeightNotPlaced) -> Iterator[Finding]:
    message = f"vLLM cannot place the weight `{cause.weight}`"
    if cause.prefix:
        label = f"the prefix is `{cause.prefix}`"
        help = "make it `model`, or a prefix that the base model has no child of"
    else:
        label = "beside the base model vLLM builds `lm_head`, one linear layer"
        help = "call the head `lm_head` and make it an `nn.Linear`"
    yield finding(problem, message, label=label, help=help)

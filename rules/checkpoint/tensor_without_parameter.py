"""The checkpoint holds a tensor for which the model has no parameter.

## What it does
Maps the name of every tensor as the release does (`base_model_prefix`, names that older releases of
transformers wrote, `_keys_to_ignore_on_load_unexpected`) and looks for it in the model that
AutoModel builds, with vLLM's `lm_head` beside it.

## Why is this bad?
vLLM stops at the first name that it does not know, where transformers only warns. Wrappers of
training leave their names behind, a config may say fewer layers than were trained, and quantized
weights have tensors that no plain layer has.

## Example
```py
torch.compile(model).save_pretrained(folder)      # every name begins with `_orig_mod.`
```

## Use instead
```py
compiled._orig_mod.save_pretrained(folder)
```
For tensors that are not needed: `_keys_to_ignore_on_load_unexpected` of the class (0.18 and later).

## What you see at run time
`ValueError: There is no module or parameter named '_orig_mod' in TransformersForCausalLM. The
available parameters belonging to ...`; in a layer that vLLM has fused `AttributeError:
'MergedColumnParallelLinear' object has no attribute 'data'` (both measured on 0.32).
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.checkpoint import TensorStranger
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL624",
    "tensor-without-parameter",
    Severity.ERROR,
    explains=TensorStranger,
    rests_on=(
        "vllm/weights.unknown_name",
        "vllm/weights.base_prefix",
        "vllm/checkpoint.ignored_names_read",
    ),
)
def check(problem: ServingProblem, cause: TensorStranger) -> Iterator[Finding]:
    layers = f" in {cause.where}" if cause.where else ""
    more = f" ({cause.count} such tensors{layers})" if cause.count > 1 else ""
    yield finding(
        problem,
        f"the model has no parameter for the tensor `{cause.name}`{more}",
        label="stored here",
        help=cause.looks or "save the model that the config describes, or correct the config",
    )

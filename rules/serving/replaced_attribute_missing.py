"""Code reads an attribute of a layer that vLLM has replaced by one without it.

## What it does
Runs `forward` with vLLM's layers in the place of the model's and reports an attribute, a property
or a method of the replaced layer that the new one does not have.

## Why is this bad?
vLLM replaces every `nn.Linear` and the input embedding, newer releases also `nn.LayerNorm`,
`nn.Conv2d` and `nn.Conv3d`. `weight` and `bias` are there, the sizes often have other names, and
what a subclass adds is gone. The model runs in transformers and fails in vLLM, at every size.

## Example
```py
attended = attended.reshape(*input_shape, self.o_proj.in_features)
```

## Use instead
```py
attended = attended.reshape(*input_shape, -1)  # or a size that __init__ kept on the module
```

## What you see at run time
`AttributeError: 'RowParallelLinear' object has no attribute 'in_features'`; `AttributeError:
'VocabParallelEmbedding' object has no attribute 'padding_idx'` (measured on 0.13 and 0.32);
`AttributeError: 'LayerNorm' object has no attribute 'elementwise_affine'`; `AttributeError:
'Conv2dLayer' object has no attribute 'transposed'` (measured on 0.32, where 0.13 serves both)
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts import Judged
from forgather_lint.facts.causes.running import ReplacementLacks
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.judged import of_release


@rule(
    "FGL544",
    "replaced-attribute-missing",
    Severity.ERROR,
    explains=ReplacementLacks,
    rests_on=(
        "vllm/modules.linear_attributes",
        "vllm/modules.embedding_attributes",
        "vllm/modules.layer_norm_attributes",
        "vllm/modules.convolution_attributes",
    ),
)
def check(judged: Judged, cause: ReplacementLacks) -> Iterator[Finding]:
    yield Finding(
        where=judged.where,
        message=f"vLLM replaces this layer by a `{cause.layer}`, which has no `{cause.attribute}`",
        label=judged.reason.removeprefix("AttributeError: "),
        consequence=f"{judged.target.said} fails at every size: `{judged.reason}`",
        help="keep what the code needs on the module itself, in `__init__`",
        module=judged.module or None,
        releases=of_release(judged.target),
        target=str(judged.target),
    )

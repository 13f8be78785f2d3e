"""A defect of the vLLM release itself stops every model of this kind.

## What it does
Reports sizes at which the target fails whatever the model does. vLLM 0.11.1 to 0.16 set
`embed_scale` only on a pipeline stage that holds the embedding, and read it on every one.

Only with stages; two stages and tied embeddings serve.

## Why is this bad?
No change of the model helps; another release does.

## Example
```sh
vllm serve model --pipeline-parallel-size 2   # vLLM 0.13, embeddings not tied
```

## Use instead
```sh
vllm serve model --tensor-parallel-size 2     # or a pipeline with `vllm>=0.17`
```

## What you see at run time
`AttributeError: 'TransformersForCausalLM' object has no attribute 'embed_scale'`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.core.version import ReleaseRange
from forgather_lint.facts import Judged
from forgather_lint.facts.causes.stages import EmbedScaleNotSet
from forgather_lint.linting.rule import rule


@rule(
    "FGL590",
    "release-defect",
    Severity.ERROR,
    explains=EmbedScaleNotSet,
    rests_on=("vllm/defects.embed_scale",),
)
def check(judged: Judged) -> Iterator[Finding]:
    yield Finding(
        where=judged.where,
        message=f"{judged.target.said} cannot serve any model of this kind at {judged.sizes}",
        label="not this model's fault",
        consequence=f"{judged.target.said}: `{judged.reason}`",
        help="use vLLM 0.17 or later for pipeline stages",
        releases=ReleaseRange.parse("vllm>=0.11.1,<0.17.0"),
        target=str(judged.target),
    )

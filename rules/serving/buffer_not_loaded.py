"""A buffer of the checkpoint has no place in the release's weight loader.

## What it does
Looks for buffers that `save_pretrained` writes: those registered without `persistent=False`.
Before 0.19 the loader knows parameters, the statistics of batch norms, and four names of rotary
embeddings that it leaves out (`rotary_emb.inv_freq`, `rotary_emb.cos_cached`, ...).

## Why is this bad?
The engine refuses to load the checkpoint.

## Example
```py
self.register_buffer("cos_cached", angles.cos())
```

## Use instead
```py
self.register_buffer("cos_cached", angles.cos(), persistent=False)
```

## What you see at run time
`ValueError: There is no module or parameter named 'model.pos_encoder.cos_cached' in
TransformersForCausalLM` (seen on 0.17.1; 0.32 loads it)
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.modules import BufferNotLoaded
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL562",
    "buffer-not-loaded",
    Severity.ERROR,
    explains=BufferNotLoaded,
    rests_on=("vllm/weights.buffers_loaded",),
)
def check(problem: ServingProblem, cause: BufferNotLoaded) -> Iterator[Finding]:
    yield finding(
        problem,
        f"`{cause.name}` is saved with the model, and vLLM does not load buffers",
        label="a persistent buffer",
        help="register it with `persistent=False`, and save the model again",
    )

"""`get_input_embeddings` walks through a module that later stages do not hold.

## What it does
Calls `get_input_embeddings()` as vLLM does on every stage, with placeholders for what the plan
puts on the first one.

With tied embeddings the last stage holds the module too, so that two stages serve.

## Why is this bad?
vLLM asks for the embedding on every stage, to put its own in the place. Where the plan names the
module that holds it, later stages have a `PPMissingLayer` there, which has no attributes. Nor does
a search through `self.modules()` find an embedding there.

## Example
```py
base_model_pp_plan = {"embed": ..., "layers": ..., "norm": ...}

def get_input_embeddings(self):
    return self.embed.wte  # no `wte` on a placeholder
```

## Use instead
```py
base_model_pp_plan = {"embed.wte": ..., "layers": ..., "norm": ...}  # vLLM 0.18 and later

# or, in every release, the embedding as a child of the model itself:
base_model_pp_plan = {"embed_tokens": ..., "layers": ..., "norm": ...}
```

## What you see at run time
`AttributeError: 'PPMissingLayer' object has no attribute 'wte'`, while the model is built
(measured on 0.13 and 0.32).
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.core.version import ReleaseRange
from forgather_lint.facts import Judged
from forgather_lint.facts.causes.stages import EmbeddingUnreachable
from forgather_lint.linting.rule import rule


@rule(
    "FGL313",
    "pp-embedding-unreachable",
    Severity.ERROR,
    explains=EmbeddingUnreachable,
)
def check(judged: Judged) -> Iterator[Finding]:
    yield Finding(
        where=judged.where,
        message="`get_input_embeddings` fails on stages that do not hold the embedding",
        label="a placeholder on later stages",
        consequence=f"{judged.target.said} fails at {judged.sizes}: `{judged.reason}`",
        help="name the embedding itself in the plan, or make it a child of the model",
        releases=ReleaseRange.parse("vllm"),
        target=str(judged.target),
    )

"""The embedding has a forward of its own, which vLLM drops.

## What it does
Reports a subclass of `nn.Embedding` with a `forward` that does more than the library's, where
`get_input_embeddings()` returns it.

## Why is this bad?
The releases below put an embedding of their own in its place. Of what the subclass adds, only an
attribute `embed_scale` survives, since 0.11.1.

## Example
```py
class ScaledEmbedding(nn.Embedding):
    def forward(self, ids):
        return super().forward(ids) * 8.0
```

## Use instead
```py
class ScaledEmbedding(nn.Embedding):
    embed_scale = 8.0

    def forward(self, ids):
        return super().forward(ids) * self.embed_scale
```

## What you see at run time
Nothing: other tokens than transformers generates (measured on 0.13 and 0.25; 0.32 serves the model,
and so do 0.13 and 0.25 with `embed_scale`).
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.modules import EmbeddingForwardDropped
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL530",
    "embedding-forward-dropped",
    Severity.ERROR,
    explains=EmbeddingForwardDropped,
    rests_on=("vllm/modules.embedding_forward_dropped", "vllm/modules.embedding_scale_kept"),
)
def check(problem: ServingProblem, cause: EmbeddingForwardDropped) -> Iterator[Finding]:
    yield finding(
        problem,
        f"vLLM drops the forward of `{cause.name}`",
        label="never run by vLLM",
        help="scale by an attribute `embed_scale`, or behind the embedding, in the first layer",
    )

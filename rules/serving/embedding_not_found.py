"""The embedding stands where transformers does not look for it.

## What it does
Reports a model without `get_input_embeddings` (or, where the release calls it, without
`set_input_embeddings`) whose embedding is neither `embed_tokens` nor in a base model.

## Why is this bad?
vLLM asks the model for its embedding to put its own in the place.

## Example
```py
class XModel(PreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.wte = nn.Embedding(config.vocab_size, config.hidden_size)
```

## Use instead
```py
class XModel(PreTrainedModel):
    def get_input_embeddings(self):
        return self.wte

    def set_input_embeddings(self, value):
        self.wte = value
```

## What you see at run time
"NotImplementedError: get_input_embeddings not auto‑handled for XModel; please override in the
subclass."
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.modules import EmbeddingNotFound
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL531",
    "embedding-not-found",
    Severity.ERROR,
    explains=EmbeddingNotFound,
    rests_on=(
        "transformers/modeling.no_embedding",
        "transformers/modeling.no_embedding_setter",
        "vllm/modules.embedding_setter_called",
    ),
)
def check(problem: ServingProblem, cause: EmbeddingNotFound) -> Iterator[Finding]:
    yield finding(
        problem,
        f"vLLM calls `{cause.method}`, which does not find the embedding",
        label=f"has no `{cause.method}` of its own",
        help=f"define `{cause.method}`, or call the embedding `embed_tokens`",
    )

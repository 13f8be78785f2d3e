"""The checkpoint holds no tensor for a parameter of the model.

## What it does
Looks for every parameter of the model that vLLM builds, and for its `lm_head`, under the names of
the checkpoint. A head that is tied to the embedding needs none of its own.

## Why is this bad?
Newer releases look only at parameters of modules that they leave as they are. A linear layer, an
embedding or the head without a tensor keeps what the memory held: the model serves, and answers
garbage.

## Example
```json
{"tie_word_embeddings": false}
```
for a model that was saved with `true`, and so without `lm_head.weight`.

## Use instead
```json
{"tie_word_embeddings": true}
```
or a checkpoint with `lm_head.weight`.

## What you see at run time
Up to 0.20, and later for norms and parameters of modules of one's own: `ValueError: Following
weights were not initialized from checkpoint: {'model.norm.weight'}`. From 0.21 nothing for linear
layers, embeddings and the head (measured on 0.32).
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.checkpoint import ParameterMissing
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL625",
    "parameter-without-tensor",
    Severity.ERROR,
    explains=ParameterMissing,
    rests_on=("vllm/weights.layer_not_in_checkpoint", "vllm/checkpoint.parameter_missing"),
)
def check(problem: ServingProblem, cause: ParameterMissing) -> Iterator[Finding]:
    layers = f" in {cause.where}" if cause.where else ""
    more = f" ({cause.count} such parameters{layers})" if cause.count > 1 else ""
    yield finding(
        problem,
        f"the checkpoint has no tensor for `{cause.name}`{more}",
        label="built here",
        help="save all of the model, or tie or remove what is not stored",
    )

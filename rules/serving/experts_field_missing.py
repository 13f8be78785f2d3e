"""A config with experts does not say how many a token gets, or how wide one is, by a known name.

## What it does
A config that counts experts (`num_experts`, `moe_num_experts`, `n_routed_experts` or
`num_local_experts`) makes vLLM take the model for a mixture of experts. It then reads
`num_experts_per_tok` or `top_k` (0.33 knows more names, `moe_topk` among them), and
`moe_intermediate_size` or `intermediate_size`: the first that the config has, and that must not be
null. Also a dense model whose config carries such a count is met by this.

Beside transformers 4, experts are refused altogether (FGL506).

## Why is this bad?
The model does not load, at any size, and the error says nothing.

## Example
```json
"num_experts": 8,
"experts_per_token": 2
```

## Use instead
```json
"num_experts": 8,
"num_experts_per_tok": 2
```

## What you see at run time
`AssertionError:` at `assert top_k is not None` or `assert intermediate_size is not None` in
`vllm/model_executor/models/transformers/moe.py`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.experts import ExpertsFieldMissing
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL541",
    "experts-field-missing",
    Severity.ERROR,
    explains=ExpertsFieldMissing,
    rests_on=("vllm/experts.field_missing", "vllm/experts.choice_fields"),
)
def check(problem: ServingProblem, cause: ExpertsFieldMissing) -> Iterator[Finding]:
    yield finding(
        problem,
        f"a config with experts has no {' or '.join(cause.names)}",
        label="vLLM takes the model for a mixture of experts",
        help=f"give the config `{cause.names[0]}`, or an `attribute_map` that leads there",
    )

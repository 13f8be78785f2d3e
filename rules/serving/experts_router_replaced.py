"""vLLM replaces the router of a block of experts by its own, which weighs them in another way.

## What it does
A block whose child `experts` is replaced may be replaced as a whole: where another child holds
nothing but `weight` (and `e_score_correction_bias`) and its `forward` is a linear, one softmax or
sigmoid and a `topk`, vLLM routes by itself. Whether weights are renormalized it reads from
`norm_topk_prob` (without that: yes, when several experts are chosen; from 0.33 on it reads it off
the router), the factor from `routed_scaling_factor`, the number of experts from
`num_experts_per_tok`. All else in router and block is left out. Both are compared as they compute:
where the softmax stands, renormalization, factors, corrections, what is added to the experts. What
cannot be compared is undecided, never passed.

## Why is this bad?
The model loads, answers, and says something else.

## Example
```py
scores = F.softmax(F.linear(hidden_states, self.weight), dim=-1)
weights, index = torch.topk(scores, self.top_k, dim=-1)
return logits, weights, index  # the config says nothing of norm_topk_prob
```

## Use instead
```json
"norm_topk_prob": false
```
A factor goes into the config as `routed_scaling_factor`. A router that holds an `nn.Linear` instead
of a `weight` is left alone, as is any block that returns a tuple.

## What you see at run time
Nothing: other tokens than transformers generates (18 variants run on 0.32, one rank and two).
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts import Judged
from forgather_lint.facts.causes.experts import RouterReplaced
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.judged import other_answer


@rule(
    "FGL570",
    "experts-router-replaced",
    Severity.ERROR,
    explains=RouterReplaced,
    rests_on=("vllm/experts.block_replaced", "vllm/experts.factor_read"),
)
def check(judged: Judged) -> Iterator[Finding]:
    yield other_answer(
        judged,
        "vLLM routes here by itself, and weighs the experts otherwise",
        help="say it in the config (`norm_topk_prob`, `routed_scaling_factor`), or hold an "
        "`nn.Linear` in the router: then it stays",
    )

"""A block calls its experts in another way than vLLM's layer in their place is called.

## What it does
Where a block routes by itself, vLLM's layer takes `(hidden_states, topk_ids, topk_weights)`,
in this order or by these names, whatever the experts of the model take. Reported are calls with
other keywords, with weights in front of the choice, and with more or fewer weights than chosen
experts (such as the scores of all).

Beside transformers 4, experts are refused altogether (FGL506).

## Why is this bad?
Other keywords raise at the first token. The rest answers garbage: weights are rounded to numbers of
experts, scores of all experts are read as if they were those of the chosen.

## Example
```py
output = self.experts(hidden_states, top_k_index=index, top_k_weights=weights)
```

## Use instead
```py
output = self.experts(hidden_states, index, weights)
```

## What you see at run time
`TypeError: TransformersMoERunner.forward() missing 2 required positional arguments: 'topk_ids' and
'topk_weights'`, or nothing (both measured on 0.32).
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.core.version import ReleaseRange
from forgather_lint.facts import Judged
from forgather_lint.facts.causes.experts import ExpertsCallMisread
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.judged import other_answer, raised_at_every_size


@rule(
    "FGL571",
    "experts-call-misread",
    Severity.ERROR,
    explains=ExpertsCallMisread,
    rests_on=("vllm/config.experts",),
)
def check(judged: Judged) -> Iterator[Finding]:
    message = "the experts are called in another way: vLLM's layer takes "
    message += "`(hidden_states, topk_ids, topk_weights)`"
    help = "call `self.experts(hidden_states, index, weights)`, one weight for each index"
    if judged.verdict == "fails":
        yield raised_at_every_size(judged, message, help, ReleaseRange.parse("vllm>=0.11.1"))
    else:
        yield other_answer(judged, message, help)

"""`forward` raises on one rank already.

## What it does
Runs `forward` as the target calls it, with every value that leads there known, and reports the
exception that ends it. An error that rests on something not known (a decorator or a call of a
package whose source is not read, the number of rounds of a loop) is *unknown*, not this.

## Why is this bad?
The model never answers: the first run of the engine ends with the exception, at every size.

## Example
```py
query = self.q_proj(hidden_states).view(1, -1, 8, 32)  # the projection has 128 features
```

## Use instead
```py
query = self.q_proj(hidden_states).view(*hidden_states.shape[:-1], -1, self.head_dim)
```

## What you see at run time
The same exception, while vLLM measures how much memory a forward takes: `RuntimeError: shape
'[1, 12, 8, 16]' is invalid for input of size 3072` (measured on 0.32)
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts import Judged
from forgather_lint.facts.causes.running import ForwardRaises
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.judged import raised_at_every_size


@rule("FGL560", "forward-raises", Severity.ERROR, explains=ForwardRaises)
def check(judged: Judged) -> Iterator[Finding]:
    yield raised_at_every_size(
        judged,
        f"`forward` raises `{judged.reason}` on one rank already",
        help="run the model once: it fails without vLLM too, or with what vLLM passes to it",
    )

"""Whether the model serves at a size could not be decided.

## What it does
Reports each size that was asked for with `-tp` and `--pipeline-parallel-size` and of which nothing
is proved, with the reason and the line that keeps it from being decided. Without sizes it reports
them where no size at all is proved to serve.

## Why is this bad?
The model may serve, fail or answer garbage at this size; the analysis does not know. A run that
prints nothing else is no proof.

## Example
```py
def forward(self, hidden_states):
    return some_package.attention(hidden_states)  # a function that the analysis does not know
```

## Use instead
```py
def forward(self, hidden_states):
    return torch.nn.functional.scaled_dot_product_attention(q, k, v)
```
or try the size for real: `forgather-lint verify MODEL --vllm -tp 2`.

## What you see at run time
Nothing of it: the line is one that this tool cannot follow.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts import SizesUndecided
from forgather_lint.linting.rule import rule


@rule("FGL903", "size-undecided", Severity.WARNING)
def check(undecided: SizesUndecided) -> Iterator[Finding]:
    proved = "" if undecided.asked else "; no size is proved to serve"
    yield Finding(
        where=undecided.where,
        message=f"undecided at {undecided.sizes}: {_words(undecided.reason)}{proved}",
        label="not decidable because of this",
        consequence=f"{undecided.target.said} may serve the model, fail or answer something else",
        help="write this line in a way that can be followed, or run the model: `verify --vllm`",
        module=undecided.module or None,
        target=str(undecided.target),
    )


def _words(reason: str) -> str:
    """A reason that is a word for programs, `sizes-may-differ`, with spaces; a text as it is."""
    return reason if " " in reason else reason.replace("-", " ")

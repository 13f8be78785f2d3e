"""The sizes at which the model serves.

## What it does
Without a size on the command line, judges 1, 2, 4 and 8 ranks on the target, and 2 and 4 pipeline
stages where the model can be cut into stages. Says at which of them the model serves and which are
undecided, with the reason for each that does not serve. The closing line says the same of every
target.

The default target is the vLLM installed beside the tool, else the newest known.

## Why is this bad?
It is not: this is an answer, not a complaint. A size that is missing here fails at load, or
answers garbage. Where no size serves there is an error that names the cause, or FGL903 where some
are undecided.

## Example
```py
# 6 attention heads: sizes 1 and 2 serve, 4 and 8 are refused
```

## Use instead
```sh
forgather-lint matrix MODEL   # all sizes and pipeline stages, with bytes per rank
```

## What you see at run time
At a size that does not divide: `ValueError: Total number of attention heads (6) must be divisible
by tensor parallel size (4).`
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts import SizesJudged, SizeVerdict
from forgather_lint.facts.sizes import SERVES, UNKNOWN, by_reason, named_sizes
from forgather_lint.linting.rule import rule

DEFAULTS = "judged with the defaults of its config class: there is no config.json"


@rule("FGL290", "sizes-that-serve", Severity.INFO)
def check(judged: SizesJudged) -> Iterator[Finding]:
    serving = judged.at(SERVES)
    if judged.asked or judged.others or not serving:
        return
    ranks = [each.tensor_parallel_size for each in serving if each.pipeline_parallel_size == 1]
    stages = [each.pipeline_parallel_size for each in serving if each.pipeline_parallel_size > 1]
    message = f"{judged.target.said} serves this at tensor-parallel sizes: {_list(ranks)}"
    if stages:
        message += f"; at pipeline-parallel sizes: {_list(stages)}"
    undecided = judged.at(UNKNOWN)
    if undecided:
        message += f"; undecided: {named_sizes(undecided)}"
    yield Finding(
        where=judged.where,
        message=message,
        label=DEFAULTS if judged.of_defaults else "judged from source",
        help="\n".join(map(_reason, by_reason(s for s in judged.sizes if s.verdict != SERVES))),
    )


def _list(sizes: list[int]) -> str:
    return ", ".join(map(str, sizes))


def _reason(sizes: Sequence[SizeVerdict]) -> str:
    """The verdict on the sizes, with the reason of the first.

    Said to be its, if others have another.
    """
    first = sizes[0]
    word = "undecided" if first.verdict == UNKNOWN else first.verdict
    one = len({each.reason for each in sizes}) == 1
    at = "" if one else f" (at {named_sizes(sizes[:1])})"
    return f"{named_sizes(sizes)}: {word}, {first.reason}{at}"

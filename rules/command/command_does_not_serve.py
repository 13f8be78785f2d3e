"""The model of a command does not serve at the sizes that the command asks for.

## What it does
Judges the model that a command names, when its folder is here, at the command's sizes, data type
and length, and reports on the command in a script or manifest why it does not serve there; `serve`
shows the finding on the model instead. Where the folder is not here, as for a name of the hub, the
options alone are judged: `serve` warns of that, `check` says it in its closing line. What is
undecided is a warning: so is every command with an option that is neither judged nor known to leave
the verdict as it is, such as `--reasoning-parser`. `--hf-overrides` is followed where it sets
fields of the config itself, not those that choose another class. That, a `--quantization` that the
config does not say, and speculative decoding leave the command undecided.

## Why is this bad?
The deployment fails, or answers something else than the model.

## Example
```sh
vllm serve models/llama --tensor-parallel-size 3   # 4 attention heads
```

## Use instead
```sh
vllm serve models/llama --tensor-parallel-size 4
```

## What you see at run time
The error that the finding quotes.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Label, Severity
from forgather_lint.facts.command import CommandJudged
from forgather_lint.facts.sizes import FAILS, UNKNOWN
from forgather_lint.linting.registry import explained_by
from forgather_lint.linting.rule import rule


@rule("FGL705", "command-does-not-serve", Severity.ERROR)
def check(fact: CommandJudged) -> Iterator[Finding]:
    at = f" at {fact.sizes}" if fact.sizes else ""
    if fact.verdict == UNKNOWN:
        yield Finding(
            where=fact.where,
            message=f"whether {fact.model} serves{at} is undecided: {fact.reason}",
            related=_origin(fact),
            severity=Severity.WARNING,
            target=fact.release,
        )
        return
    does = "does not serve" if fact.verdict == FAILS else "answers something else"
    repeats = explained_by(type(fact.cause)).code if fact.cause is not None else ""
    code = f"{repeats}: " if repeats else ""
    yield Finding(
        where=fact.where,
        message=f"{fact.model} {does}{at}",
        related=_origin(fact),
        consequence=f"{fact.release}: {code}{fact.reason}",
        help=f"`forgather-lint check {fact.model}` says more",
        target=fact.release,
        repeats=repeats,
    )


def _origin(fact: CommandJudged) -> tuple[Label, ...]:
    return (Label(fact.origin, "because of this"),) if fact.origin is not None else ()

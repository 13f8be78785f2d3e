"""A command gives an option that the release does not have.

## What it does
Reads the words of `vllm serve ...` and reports every option, and every word that belongs to none,
that the release judged does not know: misspelt, removed, renamed or not there yet.

The release is the one chosen; without any, the one that the tag of the image names.

## Why is this bad?
The server ends at once, in the deployment, with a line about its usage.

## Example
```sh
vllm serve model --swap-space 4   # gone since 0.18
```

## Use instead
```sh
vllm serve model
```

## What you see at run time
`vllm: error: unrecognized arguments: --swap-space 4`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.command import CommandRefused, RefusedFor
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.command import refused_finding

_ABOVE = "vllm"
"""What a subcommand does not know, argparse leaves to the parser above to refuse."""


@rule("FGL700", "serve-option-unknown", Severity.ERROR)
def check(fact: CommandRefused) -> Iterator[Finding]:
    refused, name = fact.refused, fact.refused.name
    if refused.why is RefusedFor.OPTION:
        gone = fact.existed.startswith("until")
        what = (
            f"`{name}` is gone from {fact.release}" if gone else f"{fact.release} has no `{name}`"
        )
        yield refused_finding(
            fact,
            what,
            f"unrecognized arguments: {name}",
            label=_range(fact.existed),
            help=_help(fact),
            parser=_ABOVE,
        )
    elif refused.why is RefusedFor.ARGUMENT:
        gone = fact.existed.startswith("until")
        owner = refused.detail
        yield Finding(
            where=refused.word.span,
            message=f"`{name}` is gone from `{owner}` of {fact.release}"
            if gone
            else f"`{owner}` of {fact.release} has no argument `{name}`",
            label=_range(fact.existed),
            consequence=f"{fact.release}: `{fact.text}`",
            help=_help(fact),
            target=fact.release,
        )
    elif refused.why is RefusedFor.FREE_WORD:
        yield refused_finding(
            fact,
            f"`{name}` belongs to no option",
            f"unrecognized arguments: {name}",
            parser=_ABOVE,
            help="an option in front of it takes no value: leave the word out",
        )
    elif refused.why is RefusedFor.AMBIGUOUS:
        yield refused_finding(
            fact,
            f"`{name}` is the beginning of several options",
            f"ambiguous option: {name} could match {refused.detail}",
            help="write the option out",
        )


def _range(existed: str) -> str:
    word, _, release = existed.partition(" ")
    return {"since": f"there since {release}", "until": f"was there until {release}"}.get(word, "")


def _help(fact: CommandRefused) -> str:
    if fact.instead:
        return f"use {fact.instead}"
    if fact.nearest:
        return f"did you mean `{fact.nearest}`?"
    return "leave it out" if fact.existed.startswith("until") else ""

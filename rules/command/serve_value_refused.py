"""A command gives an option a value that it does not take, or none.

## What it does
Checks the values of options of `vllm serve` by the type and the choices that the release judged
gives them: numbers, JSON, words of a list; a value behind a switch; an option at the end that
lacks its value. Then by the types and bounds of the config class that they become, and, of a JSON
object, by those of each of its fields.

## Why is this bad?
The server ends at once with a line about its usage.

## Example
```sh
vllm serve model --dtype bf16
```

## Use instead
```sh
vllm serve model --dtype bfloat16
```

## What you see at run time
`vllm serve: error: argument --dtype: invalid choice: 'bf16' (choose from 'auto', 'bfloat16', ...)`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.core.settings import nearest
from forgather_lint.facts.command import CommandRefused, RefusedFor
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.command import refused_finding


@rule("FGL702", "serve-value-refused", Severity.ERROR)
def check(fact: CommandRefused) -> Iterator[Finding]:
    refused, name = fact.refused, fact.refused.name
    if refused.why is RefusedFor.VALUE:
        yield refused_finding(
            fact,
            f"`{name}` does not take `{refused.word.text}`",
            f"argument {refused.printed}: {refused.detail}",
            help=_near(refused.word.text or "", refused.detail),
        )
    elif refused.why is RefusedFor.UNREADABLE:
        yield Finding(
            where=refused.word.span,
            message=f"`{name}` does not take `{refused.word.text}`: {refused.detail}",
            consequence=f"{fact.release}: ends with an error on `argument {refused.printed}`",
            target=fact.release,
        )
    elif refused.why is RefusedFor.FIELD:
        yield Finding(
            where=refused.word.span,
            message=refused.detail,
            consequence=f"{fact.release}: `{fact.text}`",
            help=f"did you mean `{fact.nearest}`?" if fact.nearest else "",
            target=fact.release,
        )
    elif refused.why is RefusedFor.NO_VALUE:
        yield refused_finding(
            fact,
            f"`{name}` lacks its value",
            f"argument {refused.printed}: expected {refused.detail} argument",
        )
    elif refused.why is RefusedFor.VALUE_OF_SWITCH:
        yield refused_finding(
            fact,
            f"`{name}` takes no value",
            f"argument {refused.printed}: ignored explicit argument {refused.detail!r}",
            help=f"write `{name}` alone, or `--no-{name.removeprefix('--')}` to turn it off",
        )


def _near(text: str, detail: str) -> str:
    _, listed, choices = detail.partition("(choose from ")
    known = [each.strip(" ')") for each in choices.split(",")] if listed else []
    return nearest(text, known).removeprefix(", ")

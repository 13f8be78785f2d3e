"""A command serves chats with a tokenizer that has no template for them.

## What it does
Reports a command with an option that is of use to chats alone (`--enable-auto-tool-choice`,
`--tool-call-parser`, `--reasoning-parser` and the like), without `--chat-template`, whose model has
a tokenizer without `chat_template` and no file `chat_template.jinja`.

## Why is this bad?
Since transformers 4.44 there is no template but that of the tokenizer: the server starts, and
refuses every chat.

## Example
```sh
vllm serve my_model --enable-auto-tool-choice --tool-call-parser hermes
```

## Use instead
```sh
vllm serve my_model --enable-auto-tool-choice --tool-call-parser hermes --chat-template chat.jinja
```
or the template beside the model, as `chat_template.jinja`.

## What you see at run time
Status 400: `As of transformers v4.44, default chat template is no longer allowed, so you must
provide a chat template if the tokenizer does not define one.`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, OneCause, Severity
from forgather_lint.facts.command import ChatTemplateMissing
from forgather_lint.linting.rule import rule


@rule(
    "FGL707",
    "chat-template-missing",
    Severity.WARNING,
    rests_on=("vllm/conversation.template_missing",),
)
def check(fact: ChatTemplateMissing) -> Iterator[Finding]:
    yield Finding(
        where=fact.where,
        message=f"`{fact.option}` is for chats, and the tokenizer has no template for them",
        consequence=f"{fact.release}, for every chat: `{fact.text}`",
        help="add `--chat-template`, or chat_template.jinja beside the model",
        target=fact.release,
        cause=OneCause(
            "{number} options are for chats, and the tokenizer has no template for them"
        ),
    )

"""Values that pass the command line and that the engine's configuration refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from forgather_lint.core.settings import nearest
from forgather_lint.engines.vllm.profile import VllmProfile
from forgather_lint.engines.vllm.serve_command import count_of, expanded
from forgather_lint.engines.vllm.serve_options import ServeOption, options_of
from forgather_lint.engines.vllm.serve_types import (
    Becomes,
    RefusedField,
    becomes,
    fields_of,
    refused,
)
from forgather_lint.facts.command import CommandRefused, RefusedFor, RefusedWord, ServeCommand
from forgather_lint.facts.release import Effect

SPECULATIVE = "--speculative-config"


def values_refused(command: ServeCommand, release: VllmProfile) -> Iterator[CommandRefused]:
    """What the config classes of the release refuse of the command's values."""
    options = options_of(release.version)
    for name, given in command.given.items():
        target, option = becomes(name, release.version), options.get(name)
        if target is None or option is None or given.value is None:
            continue
        if target.when and not command.is_on(target.when):
            continue
        for value in _values(option, given.value.text):
            fields = list(refused(target, value, release.version))
            errors = f"{len(fields)} validation error{'s' if len(fields) > 1 else ''}"
            for field in fields:
                yield CommandRefused(
                    RefusedWord(
                        RefusedFor.FIELD, given.value, name, _detail(name, target, field, release)
                    ),
                    str(release),
                    nearest=_near(value, field, release),
                    text=release.command.field_invalid.value.shown(
                        errors=errors, record=target.record, field=field.name, words=field.words
                    ),
                )
    yield from _speculative(command, release)


def _speculative(command: ServeCommand, release: VllmProfile) -> Iterator[CommandRefused]:
    """A number of speculative tokens without a method to guess them."""
    given, fact = command.given.get(SPECULATIVE), release.command.speculative_model_missing.value
    others = any(name in command.given for name in ("--spec-model", "--spec-method"))
    option = options_of(release.version).get(SPECULATIVE)
    if given is None or given.value is None or option is None or others:
        return
    for said in _values(option, given.value.text):
        if not isinstance(said, dict) or said.get("num_speculative_tokens") is None:
            continue
        named = said.get("model") is not None or said.get("method") is not None
        if fact.effect is Effect.ERROR and not named:
            detail = f"`{SPECULATIVE}` names neither a model nor a method"
            refused = RefusedWord(RefusedFor.FIELD, given.value, SPECULATIVE, detail)
            yield CommandRefused(refused, str(release), text=fact.shown())


def _values(option: ServeOption, text: str | None) -> Iterator[object]:
    """The value that the option makes of `text`; nothing where that is not known."""
    if text is None or text in ("", "None"):
        return  # what may be left out takes both for nothing
    try:
        if option.takes == "int":
            yield int(text)
        elif option.takes == "count":
            count = count_of(text)
            if count is not None:
                yield count
        elif option.takes == "float":
            yield float(text)
        elif option.takes == "json":
            value = json.loads(expanded(text))
            if option.name == SPECULATIVE and isinstance(value, dict):
                value = {key.replace("-", "_"): each for key, each in value.items()}
            yield value
    except (ValueError, RecursionError):
        return  # refused before


def _detail(option: str, target: Becomes, field: RefusedField, release: VllmProfile) -> str:
    if field.lacked_by:
        return f"`{field.lacked_by}` of {release} has no `{field.name.rpartition('.')[2]}`"
    whole = not target.field
    what = f"`{field.name}` of `{target.record}`" if whole and field.name else f"`{option}`"
    return f"{what}: {field.words[0].lower()}{field.words[1:]}"


def _near(value: object, field: RefusedField, release: VllmProfile) -> str:
    if field.lacked_by:
        known = list(fields_of(field.lacked_by, release.version))
        return _named(nearest(field.name.rpartition(".")[2], known))
    _, listed, choices = field.words.partition("Input should be '")
    given = value.get(field.name) if isinstance(value, Mapping) else value
    if not listed or not isinstance(given, str):
        return ""
    known = [each.strip(" '") for each in choices.replace(" or ", ", ").split(",")]
    return _named(nearest(given, known))


def _named(told: str) -> str:
    """The name in the words of `nearest`."""
    return told.partition("'")[2].rpartition("'")[0]

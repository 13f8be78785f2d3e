"""Values that pass the command line and that the engine's configuration refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from forgather_lint.core.settings import nearest
from forgather_lint.engines.vllm.profile import VllmProfile
from forgather_lint.engines.vllm.serve_command import count_of, expanded
from forgather_lint.engines.vllm.serve_options import ServeOption, options_of
from forgather_lint.engines.vllm.serve_records import SPECULATIVE
from forgather_lint.engines.vllm.serve_types import Becomes, RefusedField, becomes, refused
from forgather_lint.facts.command import CommandRefused, RefusedFor, RefusedWord, ServeCommand


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
                    RefusedWord(RefusedFor.FIELD, given.value, name, _detail(name, target, field)),
                    str(release),
                    nearest=_near(value, field),
                    text=release.command.field_invalid.value.shown(
                        errors=errors, record=target.record, field=field.name, words=field.words
                    ),
                )


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


def _detail(option: str, target: Becomes, field: RefusedField) -> str:
    whole = not target.field
    what = f"`{field.name}` of `{target.record}`" if whole and field.name else f"`{option}`"
    return f"{what}: {field.words[0].lower()}{field.words[1:]}"


def _near(value: object, field: RefusedField) -> str:
    _, listed, choices = field.words.partition("Input should be '")
    given = value.get(field.name) if isinstance(value, Mapping) else value
    if not listed or not isinstance(given, str):
        return ""
    known = [each.strip(" '") for each in choices.replace(" or ", ", ").split(",")]
    return nearest(given, known).partition("'")[2].rpartition("'")[0]

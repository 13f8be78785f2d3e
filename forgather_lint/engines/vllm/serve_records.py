"""What releases refuse in the JSON objects that options take (`data/serve_records.toml`)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

from forgather_lint.core.record import record
from forgather_lint.core.settings import nearest
from forgather_lint.engines.fact import tables
from forgather_lint.engines.names import admits
from forgather_lint.engines.vllm.profile import VllmProfile
from forgather_lint.facts.command import CommandRefused, RefusedFor, RefusedWord, ServeCommand
from forgather_lint.facts.release import Effect

TOPIC = "serve_records"
SPECULATIVE = "--speculative-config"
_TOKENS, _MODEL, _METHOD = "num_speculative_tokens", "model", "method"


@record
class Fields:
    """The data class into which a release reads an option, with allowed values of its fields."""

    name: str
    choices: Mapping[str, tuple[str, ...]]


def fields_of(option: str, release: VllmProfile) -> Fields | None:
    """The data class of `option`; None where it is not known, or accepts any field."""
    row = cast("Mapping[str, Any]", tables(TOPIC).get(option, {}))
    if not row or not admits(row["forbids"], release.version):
        return None
    choices: dict[str, tuple[str, ...]] = {}
    for name, ranges in row["fields"].items():
        if admits(ranges, release.version):
            forms = row.get("choices", {}).get(name, ())
            having = (each["values"] for each in forms if admits(each["releases"], release.version))
            choices[name] = tuple(next(having, ()))
    return Fields(row["record"], choices)


def fields_refused(command: ServeCommand, release: VllmProfile) -> Iterator[CommandRefused]:
    """What the release refuses in the JSON objects of the command."""
    for name, given in command.given.items():
        if given.value is None or not (said := _object(given.value.text)):
            continue
        fields = fields_of(name, release)
        if fields is not None:
            for key in said:
                yield from _refused(command, name, key, fields, release)
    yield from _speculative(command, release)


def _object(text: str | None) -> Mapping[str, object]:
    try:
        found = json.loads(text or "")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _refused(
    command: ServeCommand,
    option: str,
    key: str,
    fields: Fields,
    release: VllmProfile,
) -> Iterator[CommandRefused]:
    word = command.given[option].value
    assert word is not None
    field = key.replace("-", "_") if option == SPECULATIVE else key
    facts, parts = release.command, {"record": fields.name, "field": field}
    if field not in fields.choices:
        near = nearest(field, fields.choices).partition("'")[2].rpartition("'")[0]
        detail = f"`{fields.name}` of {release} has no `{field}`"
        text = facts.field_unexpected.value.shown(**parts)
        refused = RefusedWord(RefusedFor.FIELD, word, option, detail)
        yield CommandRefused(refused, str(release), nearest=near, text=text)


def _speculative(command: ServeCommand, release: VllmProfile) -> Iterator[CommandRefused]:
    """A number of speculative tokens without a method to guess them."""
    given = command.given.get(SPECULATIVE)
    said = _object(given.value.text) if given is not None and given.value is not None else {}
    said = {key.replace("-", "_"): value for key, value in said.items()}
    fact = release.command.speculative_model_missing.value
    others = any(name in command.given for name in ("--spec-model", "--spec-method"))
    named = said.get(_MODEL) is not None or said.get(_METHOD) is not None or others
    if fact.effect is not Effect.ERROR or said.get(_TOKENS) is None or named:
        return
    assert given is not None and given.value is not None
    detail = f"`{SPECULATIVE}` names neither a model nor a method"
    refused = RefusedWord(RefusedFor.FIELD, given.value, SPECULATIVE, detail)
    yield CommandRefused(refused, str(release), text=fact.shown())

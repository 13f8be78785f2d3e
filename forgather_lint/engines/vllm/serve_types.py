"""What the config classes of releases accept (`data/serve_types.toml`), and why not.

An option that passes the command line becomes a field of a data class that pydantic checks. Values
that pydantic may convert are not refused here: `"5"` is an int, `1` is true.

Source: pydantic 2, the "lax" mode of its conversion table.
"""

from __future__ import annotations

import json
import operator
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache, lru_cache
from typing import Any

from forgather_lint.core.record import record
from forgather_lint.core.version import Version
from forgather_lint.engines.fact import DATA
from forgather_lint.engines.names import admits

FILE = "serve_types"
_TRUTHS = ("0", "off", "f", "false", "n", "no", "1", "on", "t", "true", "y", "yes")
_BOUNDS: Mapping[str, tuple[Callable[[float, float], bool], str]] = {
    "gt": (operator.gt, "greater than"),
    "ge": (operator.ge, "greater than or equal to"),
    "lt": (operator.lt, "less than"),
    "le": (operator.le, "less than or equal to"),
}
_IN_JSON = {
    "Input should be a valid list": "Input should be a valid array",
    "Input should be a valid set": "Input should be a valid array",
    "Input should be a valid tuple": "Input should be a valid array",
    "Input should be a valid dictionary": "Input should be an object",
    "Input should be a dictionary": "Input should be an object",
}
"""How pydantic calls a list or a dict where it reads JSON."""
_COLLECTIONS = {"list": "list", "set": "set", "tuple": "tuple", "dict": "dictionary"}


@record
class Becomes:
    """The field that an option becomes; empty where it is the whole record.

    `when`: the switch without which the class is not made. `in_json`: argparse makes the record of
    the JSON itself, for which pydantic has other words.
    """

    record: str
    field: str
    when: str
    in_json: bool


@record
class RefusedField:
    """A field that pydantic refuses (dotted in a record; empty: the whole), and its words.

    `lacked_by`: the class that has no such field.
    """

    name: str
    words: str
    lacked_by: str = ""


def becomes(option: str, release: Version) -> Becomes | None:
    """What `option` becomes in `release`; None where that is not known."""
    row = _row("given", f'"{option}"', release)
    if row is None:
        return None
    in_json = not row["field"] and not row.get("later")
    return Becomes(row["record"], row["field"], row.get("when", ""), in_json)


def refused(becomes: Becomes, value: object, release: Version) -> Iterator[RefusedField]:
    """What pydantic surely refuses of `value`."""
    for field in _refused(becomes, value, release):
        words = _IN_JSON.get(field.words.partition(" or an instance")[0], field.words)
        yield replace(field, words=words) if becomes.in_json else field


def fields_of(record: str, release: Version) -> Mapping[str, Sequence[object]]:
    """The fields of a class, each with the values that it is limited to; empty: not limited."""
    found: dict[str, Sequence[object]] = {}
    for line in _sections().get(record, "").splitlines():
        name = line.partition(" = ")[0]
        if name and _row(record, name, release) is not None:
            kinds = [kind for kind in _kinds(record, name, release) if kind != "null"]
            listed = [json.loads(kind[8:]) for kind in kinds if kind.startswith("literal ")]
            found[name] = listed[0] if len(listed) == len(kinds) == 1 else ()
    return found


def _refused(becomes: Becomes, value: object, release: Version) -> Iterator[RefusedField]:
    if becomes.field:
        yield from _refused_field(becomes.record, becomes.field, value, release)
    elif isinstance(value, dict):
        yield from _refused_fields(becomes.record, value, release)
    elif value is not None:
        yield RefusedField("", "Input should be an object")


def _refused_fields(
    owner: str, value: Mapping[str, object], release: Version
) -> Iterator[RefusedField]:
    for name, given in value.items():
        yield from _refused_field(owner, name, given, release)
    for name in _required(owner, release):
        if name not in value:
            yield RefusedField(name, "Field required")
    if _forbids(owner, release):
        for name in value:
            if _row(owner, name, release) is None:
                yield RefusedField(name, "Unexpected keyword argument", lacked_by=owner)


def _refused_field(
    owner: str, name: str, value: object, release: Version
) -> Iterator[RefusedField]:
    """Why each member of the type of a field refuses `value`; nothing where one may take it."""
    kinds = _kinds(owner, name, release)
    inner = [kind.removeprefix("record ") for kind in kinds if kind != "null"]
    if len(inner) == 1 and f"record {inner[0]}" in kinds and isinstance(value, dict):
        for field in _refused_fields(inner[0], value, release):
            yield replace(field, name=f"{name}.{field.name}")
        return
    each = [_why_not(kind, value, release) for kind in kinds]
    if each and all(each):
        for words in [words for words in each if words != "null"] or ["Input should be None"]:
            yield RefusedField(name, words)


def _why_not(kind: str, value: object, release: Version) -> str:
    """Why one member refuses; empty where it may not, "null" for None where others say why."""
    name, _, rest = kind.partition(" ")
    if name == "null":
        return "" if value is None else "null"
    if name in ("int", "float"):
        return _why_no_number(name, rest, value)
    if name == "bool":
        return _why_no_truth(value)
    if name == "str":
        return "" if isinstance(value, str) else "Input should be a valid string"
    if name == "literal":
        return _why_none_of(json.loads(rest), value)
    if name == "record":
        return _why_no_record(rest, value, release)
    wanted = dict if name == "dict" else list
    return "" if isinstance(value, wanted) else f"Input should be a valid {_COLLECTIONS[name]}"


def _why_no_number(name: str, bounds: str, value: object) -> str:
    called = "integer" if name == "int" else "number"
    number: float
    if isinstance(value, str):
        try:
            number = int(value) if name == "int" else float(value)
        except ValueError:
            if name == "int" and _is_whole(value):
                return ""
            return (
                f"Input should be a valid {called}, unable to parse string as "
                f"{'an integer' if name == 'int' else 'a number'}"
            )
    elif isinstance(value, int | float):
        if name == "int" and isinstance(value, float) and not value.is_integer():
            return "Input should be a valid integer, got a number with a fractional part"
        number = value
    else:
        return f"Input should be a valid {called}"
    for bound in bounds.split():
        key, _, limit = bound.partition("=")
        holds, words = _BOUNDS[key]
        if not holds(number, float(limit)):
            shown = limit.removesuffix(".0") if name == "float" else limit
            return f"Input should be {words} {shown}"
    return ""


def _is_whole(text: str) -> bool:
    try:
        return float(text).is_integer()
    except ValueError:
        return False


def _why_no_truth(value: object) -> str:
    if isinstance(value, bool) or value in (0, 1):
        return ""
    if isinstance(value, str):
        known = value.lower() in _TRUTHS
        return "" if known else "Input should be a valid boolean, unable to interpret input"
    if isinstance(value, int | float):
        return "Input should be a valid boolean, unable to interpret input"
    return "Input should be a valid boolean"


def _why_none_of(choices: Sequence[object], value: object) -> str:
    if value in choices or isinstance(value, bool | float):
        return ""
    told = [repr(each) for each in choices]
    listed = f"{', '.join(told[:-1])} or {told[-1]}" if len(told) > 1 else told[0]
    return f"Input should be {listed}"


def _why_no_record(owner: str, value: object, release: Version) -> str:
    if not isinstance(value, dict):
        return f"Input should be a dictionary or an instance of {owner}"
    first = next(_refused_fields(owner, value, release), None)
    return "" if first is None else f"{first.name}: {first.words}"


def _kinds(owner: str, name: str, release: Version) -> Sequence[str]:
    """The members of the type of a field; none where it is not known."""
    row = _row(owner, name, release)
    found: Sequence[str] = row.get("kinds", ()) if row is not None else ()
    return found


def _forbids(owner: str, release: Version) -> bool:
    """Whether the class refuses fields that it has not."""
    _, found, rest = _sections()["forbids"].partition(f"\n{owner} = ")
    return bool(found) and admits(json.loads(rest.partition("\n")[0]), release)


def _required(owner: str, release: Version) -> Iterator[str]:
    for line in _sections().get(owner, "").splitlines():
        if "required = true" in line:
            name = line.partition(" = ")[0]
            row = _row(owner, name, release)
            if row is not None and row.get("required"):
                yield name


@lru_cache(maxsize=1024)
def _row(section: str, name: str, release: Version) -> Mapping[str, Any] | None:
    _, found, rest = _sections().get(section, "").partition(f"\n{name} = ")
    if not found:
        return None
    rows = tomllib.loads(f"rows = {rest.partition(chr(10))[0]}")["rows"]
    return next((row for row in rows if admits(row["releases"], release)), None)


@cache
def _sections() -> Mapping[str, str]:
    """The tables as text: all of it takes longer to parse than the few rows that are asked for."""
    parts = ("\n" + (DATA / f"{FILE}.toml").read_text("utf-8")).split("\n[")[1:]
    return {name: rows for name, _, rows in (part.partition("]") for part in parts)}

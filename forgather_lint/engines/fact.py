"""Facts about releases: what each does, since when, and the upstream file it was read from.

A topic is one TOML file under `data/` and one frozen record of `Fact`s. In the file every fact
has its history, a row for each release that changed it; a row states only what differs:

    [prefix."0.11.0"]
    is = ""
    source = "vllm/model_executor/models/transformers.py::TransformersBase.tensor_parallel"

    [prefix."0.11.1"]
    is = "model."
    source = "vllm/model_executor/models/transformers/base.py::Base.recursive_replace"
    shows = ["maybe_prefix('model', k)"]

`shows`, `lacks` and `native` are read by `tools/check_targets.py` alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import cache, lru_cache
from itertools import starmap
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar, get_args, get_origin

from forgather_lint.core.version import Version
from forgather_lint.facts.release import Effect as Effect
from forgather_lint.facts.release import Reaction as Reaction

DATA = Path(__file__).parent / "data"

Value = TypeVar("Value")
Topic = TypeVar("Topic")


class DataError(Exception):
    """A data file contradicts the record it is read into; a defect of this tool."""


class FactSource(NamedTuple):
    """Where a value was read: a file and a symbol, as of the release `read_at`."""

    text: str
    project: str
    read_at: Version

    def at(self, version: Version) -> str:
        """The same place as of the release `version` (`data/moved.toml`)."""
        place = self.text
        for release, names in tables("moved").get(self.project, {}).items():
            if isinstance(names, dict) and self.read_at < Version.parse(release) <= version:
                place = _renamed(place, names)
        return place


def _renamed(place: str, names: Mapping[str, str]) -> str:
    held = [old for old in names if re.match(rf"{re.escape(old)}(?=\.|::|$)", place)]
    old = max(held, key=len, default="")
    return names.get(old, "") + place.removeprefix(old)


class Fact(NamedTuple, Generic[Value]):
    """A value that holds for the releases from `since` up to, not including, `before`.

    `since` None: from the first profiled release on; `before` None: up to the newest.
    """

    value: Value
    since: Version | None
    before: Version | None
    reading: FactSource
    version: Version

    @property
    def source(self) -> str:
        """The upstream file and symbol of the value, as of the release that was asked for."""
        return self.reading.at(self.version)

    @property
    def releases(self) -> str:
        """The range as a requirement, such as ">=0.11.1,<0.25.0"; empty: every known release."""
        lower = f">={self.since}" if self.since else ""
        upper = f"<{self.before}" if self.before else ""
        return ",".join(filter(None, (lower, upper)))


class Row(NamedTuple):
    """One row of a fact as text: TOML is slow to parse, and most rows are for other releases."""

    release: Version
    text: str

    def states(self, key: str) -> bool:
        """Whether the row has `key`, as a line or as a table of its own."""
        return f"\n{key} = " in self.text or f".{key}]" in self.text

    @property
    def source(self) -> str:
        """The place that the row names."""
        return self.text.partition('\nsource = "')[2].partition('"\n')[0]

    @property
    def value(self) -> str:
        """The lines with the value."""
        return _EVIDENCE.sub("", self.text)


_HEADER = re.compile(r'^\[(\w+)\."([\d.]+)"', re.MULTILINE)
_EVIDENCE = re.compile(r"^(?:source|shows|lacks|native) = .*\n", re.MULTILINE)


@cache
def histories(topic: str) -> dict[str, list[Row]]:
    """The rows of each fact in `data/<topic>.toml`, oldest first."""
    text = (DATA / f"{topic}.toml").read_text("utf-8")
    headers = list(_HEADER.finditer(text))
    ends = [header.start() for header in headers[1:]] + [len(text)]
    blocks: dict[str, dict[Version, str]] = {}
    for header, end in zip(headers, ends, strict=True):
        rows = blocks.setdefault(header[1], {})
        release = Version.parse(header[2])
        rows[release] = rows.get(release, "") + text[header.start() : end]
    return {name: sorted(starmap(Row, rows.items())) for name, rows in blocks.items()}


@lru_cache(maxsize=1024)
def raw_facts(topic: str, version: Version) -> dict[str, Fact[object]]:
    """Every fact of `data/<topic>.toml` as of `version`, its value as TOML has it.

    What a row omits is as in the row before. A release older than the oldest row gets that row.
    """
    rows = {name: _last(history, "is", version) for name, history in histories(topic).items()}
    values = _parse("".join(row.value for row in rows.values()))
    return {
        name: _fact(topic, name, version, values[name][str(row.release)]["is"])
        for name, row in rows.items()
    }


def evidence(topic: str, version: Version) -> dict[str, Mapping[str, object]]:
    """The row of each fact that names its source at `version`, with `shows`, `lacks`, `native`."""
    rows = {name: _last(history, "source", version) for name, history in histories(topic).items()}
    tables = _parse("".join(row.text for row in rows.values()))
    return {name: tables[name][str(row.release)] for name, row in rows.items()}


def _last(history: list[Row], key: str, version: Version) -> Row:
    known = [row for row in history if row.release <= version] or history[:1]
    return next(row for row in reversed(known) if row.states(key))


def _fact(topic: str, name: str, version: Version, value: object) -> Fact[object]:
    history = histories(topic)[name]
    changes = [row.release for row in history if row.states("is")]
    since = max((release for release in changes[1:] if release <= version), default=None)
    before = min((release for release in changes[1:] if release > version), default=None)
    sourced = _last(history, "source", version)
    reading = FactSource(sourced.source, topic.partition("/")[0], sourced.release)
    return Fact(value, since, before, reading, version)


def _parse(text: str) -> dict[str, dict[str, dict[str, object]]]:
    import tomllib  # a run that asks for no profile does not pay for it

    return tomllib.loads(text)


@cache
def tables(name: str) -> dict[str, dict[str, object]]:
    """The contents of the file `data/<name>.toml`."""
    import tomllib  # as above

    return tomllib.loads((DATA / f"{name}.toml").read_text("utf-8"))


_TABLE = re.compile(r'^\["([^"\n]+)"\]$', re.MULTILINE)


@lru_cache(maxsize=64)
def _texts_of_tables(name: str) -> dict[str, str]:
    text = (DATA / f"{name}.toml").read_text("utf-8")
    headers = list(_TABLE.finditer(text))
    ends = [header.start() for header in headers[1:]] + [len(text)]
    return {header[1]: text[header.end() : end] for header, end in zip(headers, ends, strict=True)}


@lru_cache(maxsize=1024)
def table(name: str, key: str) -> dict[str, object]:
    """The table `key` of the file `data/<name>.toml`, whose other tables are not parsed."""
    import tomllib  # as above

    return tomllib.loads(_texts_of_tables(name).get(key, ""))


def topic(record: Callable[..., Topic], name: str, version: Version) -> Topic:
    """The facts of `data/<name>.toml` as of `version`, as a `record`. Raises `DataError`."""
    facts = raw_facts(name, version)
    kinds = {field: get_args(hint)[0] for field, hint in record.__annotations__.items()}
    if kinds.keys() != facts.keys():
        raise DataError(f"{name}.toml and its record differ in {kinds.keys() ^ facts.keys()}")
    return record(
        **{
            field: raw._replace(value=decode(kinds[field], raw.value, f"{name}.{field}"))
            for field, raw in facts.items()
        }
    )


def boundaries(project: str) -> set[Version]:
    """The releases of `project` with which the value of some fact changes."""
    topics = [f"{project}/{path.stem}" for path in (DATA / project).glob("*.toml")]
    return {
        row.release
        for name in topics
        for history in histories(name).values()
        for row in history[1:]
        if row.states("is")
    }


def decode(kind: object, raw: object, where: str) -> object:
    """`raw`, a value from TOML, as an instance of the annotated type `kind`. Raises `DataError`."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is tuple and isinstance(raw, list):
        return tuple(decode(arguments[0], item, where) for item in raw)
    if origin is Mapping and isinstance(raw, dict):
        return {key: decode(arguments[1], item, where) for key, item in raw.items()}
    if kind is Reaction and isinstance(raw, dict):
        return Reaction(Effect(raw["effect"]), raw.get("raises", ""), raw.get("text", ""))
    if isinstance(kind, type) and issubclass(kind, StrEnum) and isinstance(raw, str):
        return kind(raw)
    if isinstance(kind, type) and isinstance(raw, kind):
        return raw
    raise DataError(f"{where}: {raw!r} is not a {kind}")

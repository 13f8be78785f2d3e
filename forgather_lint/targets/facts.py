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
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Generic, TypeVar, get_args, get_origin, get_type_hints

from forgather_lint.targets.version import Version

DATA = Path(__file__).parent / "data"

Value = TypeVar("Value")
Topic = TypeVar("Topic")


class DataError(Exception):
    """A data file contradicts the record it is read into; a defect of this tool."""


class Effect(StrEnum):
    """What the user of a release notices."""

    ERROR = "error"
    WARNING = "warning"
    SILENT = "silent"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a release does in some case: `raises` names the exception, `text` is its message.

    `{name}` in `text` stands for a part that varies. SILENT goes wrong without a word; NONE means
    that the case is harmless in this release.
    """

    effect: Effect
    raises: str = ""
    text: str = ""

    def say(self, **parts: object) -> str:
        """The message as a user sees it; placeholders that are not given stay as they are."""
        return re.sub(r"\{(\w+)\}", lambda hole: str(parts.get(hole[1], hole[0])), self.text)


@dataclass(frozen=True, slots=True)
class Fact(Generic[Value]):
    """A value that holds for the releases from `since` up to, not including, `before`.

    `source` is the file and symbol in which it can be read at the release that was asked for.
    """

    value: Value
    since: Version | None
    before: Version | None
    source: str

    @property
    def releases(self) -> str:
        """The range as a requirement, such as ">=0.11.1,<0.25.0"; empty: every release known."""
        lower = f">={self.since}" if self.since else ""
        upper = f"<{self.before}" if self.before else ""
        return ",".join(filter(None, (lower, upper)))


Row = Mapping[str, object]
History = list[tuple[Version, Row]]


@cache
def tables(name: str) -> dict[str, dict[str, object]]:
    """The file `data/<name>.toml`."""
    import tomllib  # a run that asks for no profile does not pay for it

    return tomllib.loads((DATA / f"{name}.toml").read_text("utf-8"))


@cache
def histories(topic: str) -> dict[str, History]:
    """Every fact of `data/<topic>.toml` with its rows, oldest first."""
    return {name: _by_release(table) for name, table in tables(topic).items()}


def _by_release(table: Mapping[str, object]) -> History:
    return sorted((Version.parse(release), row) for release, row in table.items() if isinstance(row, dict))


def read_topic(record: Callable[..., Topic], topic: str, version: Version) -> Topic:
    """The facts of `data/<topic>.toml` as of `version`, as `record`. Raises `DataError`."""
    rows = histories(topic)
    kinds = {name: get_args(hint)[0] for name, hint in get_type_hints(record).items()}
    if kinds.keys() != rows.keys():
        raise DataError(f"{topic}.toml and its record differ in {kinds.keys() ^ rows.keys()}")
    project = topic.partition("/")[0]
    return record(
        **{
            name: _typed(fact_at(rows[name], version, project), kind, f"{topic}.{name}")
            for name, kind in kinds.items()
        }
    )


def _typed(fact: Fact[object], kind: object, where: str) -> Fact[object]:
    return Fact(decode(kind, fact.value, where), fact.since, fact.before, fact.source)


def fact_at(history: History, version: Version, project: str) -> Fact[object]:
    """What holds at `version`; what a row omits, the row before it said."""
    known = [entry for entry in history if entry[0] <= version] or history[:1]
    values = [entry for entry in known if "is" in entry[1]]
    since = values[-1][0] if len(values) > 1 else None
    before = next((release for release, row in history[len(known) :] if "is" in row), None)
    read_at, row = next(entry for entry in reversed(known) if "source" in entry[1])
    source = moved(str(row["source"]), project, read_at, version)
    return Fact(values[-1][1]["is"], since, before, source)


def moved(source: str, project: str, read_at: Version, version: Version) -> str:
    """The place at `version` of what was read from `source` at `read_at` (`data/moved.toml`)."""
    for release, names in _by_release(tables("moved").get(project, {})):
        if read_at < release <= version:
            source = _renamed(source, names)
    return source


def _renamed(source: str, names: Row) -> str:
    held = [old for old in names if re.match(rf"{re.escape(old)}(?=\.|::|$)", source)]
    old = max(held, key=len, default="")
    return str(names.get(old, "")) + source.removeprefix(old)


def decode(kind: object, raw: object, where: str) -> object:
    """`raw`, as TOML has it, as the annotated type `kind`. Raises `DataError`."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is tuple and isinstance(raw, list):
        return tuple(decode(arguments[0], item, where) for item in raw)
    if origin is Mapping and isinstance(raw, dict):
        return {key: decode(arguments[1], item, where) for key, item in raw.items()}
    if kind is Outcome and isinstance(raw, dict):
        return Outcome(Effect(raw["effect"]), raw.get("raises", ""), raw.get("text", ""))
    if isinstance(kind, type) and issubclass(kind, StrEnum) and isinstance(raw, str):
        return kind(raw)
    if isinstance(kind, type) and isinstance(raw, kind):
        return raw
    raise DataError(f"{where}: {raw!r} is not a {kind}")

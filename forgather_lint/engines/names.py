"""Names that a release has (`data/names.toml`): architectures, classes of models, model types.

The file is searched as text: parsing its thousands of rows would take longer than most analyses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache, lru_cache

from forgather_lint.core.version import Requirement, Version
from forgather_lint.engines.fact import DATA

FILE = "names"


def knows(table: str, name: str, release: Version) -> bool:
    """Whether the row `name` of `table` includes `release`."""
    ranges = said(table, name)
    return ranges is not None and admits(ranges, release)


def said(table: str, name: str) -> str | None:
    """The text of the row `name` of `table`; None when there is none."""
    text = _tables().get(table, "")
    for key in (name, f'"{name}"'):
        _, found, rest = text.partition(f'\n{key} = "')
        if found:
            return rest.partition('"')[0]
    return None


def names_in(table: str, release: Version) -> Iterator[str]:
    """The names of `table` that `release` has."""
    for line in _tables().get(table, "").splitlines():
        key, found, rest = line.partition(' = "')
        if found and admits(rest.rstrip('"'), release):
            yield key.strip('"')


@lru_cache(maxsize=4096)
def admits(ranges: str, release: Version) -> bool:
    """Whether one of `ranges`, separated by " or ", admits `release`; an empty text does."""
    return not ranges or any(
        Requirement.parse(each).admits(release) for each in ranges.split(" or ")
    )


@cache
def _tables() -> Mapping[str, str]:
    parts = ("\n" + (DATA / f"{FILE}.toml").read_text("utf-8")).split("\n[")[1:]
    return {name: rows for name, _, rows in (part.partition("]") for part in parts)}

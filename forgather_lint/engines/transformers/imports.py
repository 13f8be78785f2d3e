"""Names that can be imported from some releases of transformers only (`data/imports.toml`).

A name that is not in the table is unknown to this tool, which is not to say that it is missing.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from forgather_lint.core.version import Requirement, Version
from forgather_lint.engines.fact import table, tables

MODULE = "*"
"""The name, in the table, of an entry for a module as a whole."""


class ImportedName(NamedTuple):
    """`module.name`, the ranges of releases that have it, and its replacement, if known.

    The name is `MODULE` where releases without it do not have the module either.
    """

    module: str
    name: str
    ranges: tuple[Requirement, ...]
    instead: str = ""

    def in_release(self, version: Version) -> bool:
        """Whether `from module import name` works in the release `version` of transformers."""
        return any(span.admits(version) for span in self.ranges)

    @property
    def releases(self) -> str:
        """The releases that have the name, such as "<5.0.0 or >=5.5.1"."""
        return " or ".join(map(str, self.ranges))

    @property
    def dotted(self) -> str:
        """The module and the name with a dot, or the module alone."""
        return self.module if self.name == MODULE else f"{self.module}.{self.name}"

    @property
    def error(self) -> str:
        """Python's error where the name, or its module, is missing."""
        if self.name == MODULE:
            return f"ModuleNotFoundError: No module named '{self.module}'"
        return f"ImportError: cannot import name '{self.name}' from '{self.module}'"


@lru_cache(maxsize=4096)
def imported_name(module: str, name: str) -> ImportedName | None:
    """The entry for `from module import name`, else for the module.

    None if neither is in the table.
    """
    entries = table("imports", module)
    name = name if name in entries else MODULE
    line = entries.get(name)
    if not isinstance(line, str):
        return None
    ranges, _, instead = line.partition(";")
    spans = tuple(Requirement.parse(text) for text in ranges.split(" or "))
    return ImportedName(module, name, spans, instead.strip())


def imported_names() -> dict[str, list[ImportedName]]:
    """Every entry, by module."""
    return {
        module: [entry for name in names if (entry := imported_name(module, name))]
        for module, names in tables("imports").items()
    }

"""Release numbers and requirements on them, as far as vLLM and transformers use them.

`packaging` does this for all of PEP 440, but importing it costs more than parsing every profile.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from forgather_lint.core.printable import shortened

_NUMBER = r"\d{1,9}(?!\d)"
"""At most nine digits: no release has more, and Python refuses to convert thousands of them."""
_RELEASE = re.compile(rf"v?({_NUMBER})\.({_NUMBER})(?:\.({_NUMBER})|(?!\.\d))")
_CLAUSE = re.compile(
    rf"(===|==|!=|~=|>=|<=|>|<)\s*v?({_NUMBER}(?:\.{_NUMBER})*)(\.\*)?(?:\.?(?:post|rc|dev|a|b)\d+)?(?:\+[\w.]+)?"
)


class VersionError(ValueError):
    """A text is not a version, or not a requirement on versions."""


class Version(NamedTuple):
    """A release number.

    `.post`, `rc` and local suffixes are dropped, they change no behaviour here.
    """

    major: int
    minor: int
    patch: int = 0

    @classmethod
    @lru_cache(maxsize=1024)
    def parse(cls, text: str) -> Version:
        """Read "0.32", "0.11.2.post2" or "5.0.0rc1". Raises `VersionError`."""
        found = _RELEASE.match(text.strip())
        if found is None:
            raise VersionError(f"{shortened(text)!r} is not a version")
        return cls(*(int(part or 0) for part in found.groups()))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


class Clause(NamedTuple):
    """One comparison. `parts` are the numbers that were written: "0.32" has two."""

    operator: str
    parts: tuple[int, ...]
    wildcard: bool = False

    def admits(self, version: Version) -> bool:
        """Whether `version` satisfies the comparison."""
        head = version[: len(self.parts)]
        if self.operator in ("==", "===", "!="):
            return self._equals(version) is (self.operator != "!=")
        if self.operator == "~=":
            return version >= self._padded and head[:-1] == self.parts[:-1]
        return _ORDER[self.operator](version, self._padded)

    def _equals(self, version: Version) -> bool:
        if self.wildcard:
            return version[: len(self.parts)] == self.parts
        return version == self._padded

    @property
    def _padded(self) -> tuple[int, ...]:
        return (*self.parts, 0, 0, 0)[:3]

    def __str__(self) -> str:
        dotted = ".".join(map(str, self.parts))
        return f"{self.operator}{dotted}{'.*' if self.wildcard else ''}"


_ORDER: dict[str, Callable[[tuple[int, ...], tuple[int, ...]], bool]] = {
    ">=": lambda left, right: left >= right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    "<": lambda left, right: left < right,
}


class Requirement(NamedTuple):
    """Comparisons that must all hold, such as ">=4.56.0,<5"."""

    clauses: tuple[Clause, ...]

    @classmethod
    def parse(cls, text: str) -> Requirement:
        """Read comparisons separated by commas. Raises `VersionError`."""
        return cls(tuple(_clause(part.strip()) for part in text.split(",")))

    def admits(self, version: Version) -> bool:
        """Whether `version` satisfies every comparison."""
        return all(clause.admits(version) for clause in self.clauses)

    def __str__(self) -> str:
        return ",".join(map(str, self.clauses))


class ReleaseRange(NamedTuple):
    """Releases of `project`: those that the requirement admits, all of them where there is none.

    `note` is free text that says more about which they are.
    """

    project: str
    requirement: Requirement | None = None
    note: str = ""

    @classmethod
    def parse(cls, text: str) -> ReleaseRange:
        """Read "vllm>=0.11.1,<0.17" or "vllm". Raises `VersionError`."""
        project = re.match(r"[a-z]*", text)
        name = project[0] if project is not None else ""
        bounds = text.removeprefix(name)
        return cls(name, Requirement.parse(bounds) if bounds else None)

    def admits(self, version: Version) -> bool:
        """Whether `version` of the project is among them."""
        return self.requirement is None or self.requirement.admits(version)

    def __str__(self) -> str:
        return f"{self.project}{self.requirement or ''}{self.note}"


def _clause(text: str) -> Clause:
    found = _CLAUSE.fullmatch(text)
    if found is None:
        raise VersionError(f"{shortened(text)!r} is not a comparison of versions")
    operator, number, star = found.groups()
    return Clause(operator, tuple(map(int, number.split("."))), star is not None)


TRANSFORMERS_5 = Version(5, 0)

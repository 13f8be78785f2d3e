"""Members of library classes that some releases of transformers lack (`data/members.toml`).

A member that is not in the table is unknown to this tool, which is not to say that it is missing.
"""

from __future__ import annotations

from functools import lru_cache

from forgather_lint.core.version import Requirement, Version
from forgather_lint.engines.fact import tables


@lru_cache(maxsize=64)
def absent_members(version: Version) -> frozenset[str]:
    """The members, each with the name of its class in front, that the release `version` lacks."""
    return frozenset(
        f"{owner}.{name}"
        for owner, members in tables("members").items()
        for name, releases in members.items()
        if not Requirement.parse(str(releases)).admits(version)
    )


def releases_without(member: str) -> str:
    """The releases that lack `member` of one of the classes; "" where no range is known."""
    found = (members.get(member) for members in tables("members").values())
    stated = next((str(releases) for releases in found if releases is not None), "")
    for clause, other in ((">=", "<"), ("<", ">=")):
        if stated.startswith(clause) and "," not in stated:
            return f"transformers{other}{stated.removeprefix(clause)}"
    return ""

"""Members of library classes that not every release has (`data/members.toml`).

A member that is not in the table is unknown here, not missing there.
"""

from __future__ import annotations

from functools import cache

from forgather_lint.core.version import Requirement, Version
from forgather_lint.engines.fact import tables


@cache
def absent_members(version: Version) -> frozenset[str]:
    """The members, each behind the name of its class, that the release `version` does not have."""
    return frozenset(
        f"{owner}.{name}"
        for owner, members in tables("members").items()
        for name, releases in members.items()
        if not Requirement.parse(str(releases)).admits(version)
    )


def releases_without(member: str) -> str:
    """The releases that lack what one of the classes calls `member`, "" where no range says it."""
    found = (members.get(member) for members in tables("members").values())
    stated = next((str(releases) for releases in found if releases is not None), "")
    for clause, other in ((">=", "<"), ("<", ">=")):
        if stated.startswith(clause) and "," not in stated:
            return f"transformers{other}{stated.removeprefix(clause)}"
    return ""

"""Translates `--target` to the pairs of releases that it means.

vllm==0.32            the newest 0.32; vllm==0.25.1 that release
vllm>=0.30,<0.33      each profile in the range, by its newest release
transformers==5.19    beside the engine named, or beside the newest default one that allows it
all                   every profile of the default engine, each with the newest
                      transformers that it allows
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from forgather_lint.core.files import listed
from forgather_lint.core.printable import shortened
from forgather_lint.core.version import Clause, Requirement, Version, VersionError
from forgather_lint.engines.api import Target
from forgather_lint.engines.ranges import ranges
from forgather_lint.engines.registry import DEFAULT, LIBRARY, project, projects, server
from forgather_lint.engines.releases import known, newest, requirement
from forgather_lint.engines.transformers.profile import TransformersProfile

EVERYTHING = "all"


class TargetError(ValueError):
    """No target can be made of what was asked for; the message says why."""


class Installed(NamedTuple):
    """The releases installed beside the tool: of the default engine, and of transformers."""

    server: Version | None = None
    transformers: Version | None = None


class TargetSelection(NamedTuple):
    """The targets, in the order asked for, and notes for the user about them."""

    targets: tuple[Target, ...]
    notices: tuple[str, ...] = ()


class Wish(NamedTuple):
    """A project and the releases of it that one specification names."""

    project: str
    releases: tuple[Version, ...]


def installed() -> Installed:
    """What is installed beside the tool, by the folder names of package metadata.

    `importlib.metadata` says the same and takes as long to import as half an analysis.
    """
    return Installed(_release(*project(DEFAULT).packages), _release(*project(LIBRARY).packages))


def _release(*packages: str) -> Version | None:
    for package in packages:
        for folder in sys.path:
            for found in listed(Path(folder), f"{package}-*.dist-info"):
                return Version.parse(found.name.removesuffix(".dist-info").partition("-")[2])
    return None


def select(specifications: Sequence[str], beside: Installed) -> TargetSelection:
    """The targets that `specifications` name; without any, those of the releases `beside` the tool.

    Raises `TargetError`: for a text that names no release, for releases older than the oldest
    profile, and for a pair that the engine's own requirement on transformers rules out.
    """
    wishes = [_wish(text.strip()) for text in specifications]
    servers = [wish for wish in wishes if wish.project != LIBRARY]
    libraries = [wish for wish in wishes if wish.project == LIBRARY]
    if not servers:
        servers = [_default_server(beside, libraries)]
    targets, left_out = _pairs(servers, libraries, beside)
    return TargetSelection(tuple(dict.fromkeys(targets)), (*_newer(targets), *left_out))


def one_release(text: str) -> tuple[str, Version]:
    """The project and the one release that `text` names. Raises `TargetError`."""
    wish = _wish(text.strip())
    if len(wish.releases) != 1 or "==" not in text:
        raise TargetError(
            f"{shortened(text)!r} names no single release: write {wish.project}==5.19"
        )
    return wish.project, wish.releases[0]


def _wish(text: str) -> Wish:
    if text == EVERYTHING:
        return Wish(DEFAULT, tuple(span.newest for span in ranges(DEFAULT)))
    found = re.fullmatch(rf"({'|'.join(projects())})\s*([=<>!~].*)", text)
    if found is None:
        raise TargetError(
            f"{shortened(text)!r} names no target: write vllm==0.32, 'vllm>=0.30,<0.33', "
            "transformers==5.19, or all"
        )
    name, comparisons = found.groups()
    try:
        return Wish(name, _releases(name, Requirement.parse(comparisons)))
    except VersionError as error:
        raise TargetError(f"{shortened(text)}: {error}") from error


def _releases(name: str, wanted: Requirement) -> tuple[Version, ...]:
    """One release for each profile in the range; for a single release, that one."""
    clause = wanted.clauses[0]
    if len(wanted.clauses) == 1 and clause.operator in ("==", "===") and not clause.wildcard:
        return (_exactly(name, clause),)
    held = [
        [release for release in span.releases if wanted.admits(release)] for span in ranges(name)
    ]
    chosen = tuple(releases[-1] for releases in held if releases)
    if not chosen:
        first, last = known(name)[0], newest(name)
        raise TargetError(f"no release from {first} to {last} is {name}{wanted}")
    return chosen


def _exactly(name: str, clause: Clause) -> Version:
    asked = Version(*(*clause.parts, 0, 0)[:3])
    if asked < known(name)[0]:
        raise TargetError(f"{name} {asked} has no profile: they begin at {known(name)[0]}")
    alike = [release for release in known(name) if release[: len(clause.parts)] == clause.parts]
    return max(alike, default=asked)


def _default_server(beside: Installed, libraries: list[Wish]) -> Wish:
    """The default engine beside the tool, else its newest release for the transformers asked for.

    Any other engine is used only where it is named.
    """
    releases = known(DEFAULT)
    here = [beside.server] if beside.server and beside.server >= releases[0] else []
    if here and not libraries:
        return Wish(DEFAULT, (here[0],))
    wanted = [release for wish in libraries for release in wish.releases]
    wanted = wanted or list(filter(None, [beside.transformers])) or list(known(LIBRARY))
    for each in (*here, *reversed(releases)):
        if any(requirement(DEFAULT, each).admits(release) for release in wanted):
            return Wish(DEFAULT, (each,))
    return Wish(DEFAULT, (newest(DEFAULT),))


def _pairs(
    servers: list[Wish], libraries: list[Wish], beside: Installed
) -> tuple[list[Target], list[str]]:
    """Every possible pair, and notes about releases in a range that are in no pair."""
    targets: list[Target] = []
    left_out: list[str] = []
    for wish in servers:
        name = wish.project
        partners = {each: _partners(name, each, libraries, beside) for each in wish.releases}
        lonely = [_impossible(name, each, libraries) for each in partners if not partners[each]]
        if lonely and len(lonely) == len(partners):
            raise TargetError(lonely[-1])
        left_out += [f"left out: {reason}" for reason in lonely]
        targets += [
            server(name).target(each, TransformersProfile(library))
            for each, allowed in partners.items()
            for library in allowed
        ]
    return targets, left_out


def _partners(
    name: str, release: Version, libraries: list[Wish], beside: Installed
) -> list[Version]:
    """The transformers releases to try with the `release` of an engine."""
    allowed = requirement(name, release)
    if libraries:
        wanted = [each for wish in libraries for each in wish.releases]
        return [each for each in wanted if allowed.admits(each)]
    if beside.transformers is not None and allowed.admits(beside.transformers):
        return [beside.transformers]
    return [each for each in known(LIBRARY) if allowed.admits(each)][-1:]


def _impossible(name: str, release: Version, libraries: list[Wish]) -> str:
    wanted = [str(each) for wish in libraries for each in wish.releases]
    return (
        f"{name} {release} requires transformers{requirement(name, release)}, "
        f"which rules out {', '.join(wanted)}"
    )


def _newer(targets: Iterable[Target]) -> Iterable[str]:
    """Notes about releases that are newer than the newest profile."""
    releases = {(target.release.project, target.version) for target in targets}
    releases |= {(LIBRARY, target.transformers.version) for target in targets}
    for name, release in sorted(releases):
        if release > newest(name):
            yield (
                f"{name} {release} is newer than the newest profile: it is judged as {newest(name)}"
            )

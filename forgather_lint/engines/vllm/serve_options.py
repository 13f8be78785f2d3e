"""The options of `vllm serve` in each release (`data/serve_options.toml`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache, lru_cache
from typing import cast

from forgather_lint.core.record import record
from forgather_lint.core.version import Version
from forgather_lint.engines.fact import tables
from forgather_lint.engines.names import admits
from forgather_lint.engines.releases import known
from forgather_lint.engines.vllm.profile import VllmProfile
from forgather_lint.facts.command import Given

TOPIC = "serve_options"
NEGATED = "--no-"


@record
class ServeOption:
    """One option, in the form that it has in some releases.

    `takes` says what follows it: nothing (`flag`, or `switch`: also as `--no-...`), one of
    `choices` (`choice`), an `int`, a `count` (an int that may be written as 8k), a `float`, `json`,
    any `text`, at most one word (`optional`) or any number (`words`). `default`: as it is typed;
    empty where it is not known, or nothing that can be typed. `inverse`: what turns a switch off,
    beside `--no-...`.
    """

    name: str
    takes: str
    short: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    releases: str = ""
    deprecated: bool = False
    default: str = ""
    inverse: tuple[str, ...] = ()

    @property
    def is_bare(self) -> bool:
        """Whether it has no value."""
        return self.takes in ("flag", "switch")

    @property
    def off(self) -> tuple[str, ...]:
        """The names that turn a switch off."""
        if self.takes != "switch":
            return ()
        return (NEGATED + self.name.removeprefix("--"), *self.inverse)

    @property
    def printed(self) -> str:
        """Its names as argparse prints them; the parser hides `--no-...` where there is another."""
        if self.inverse:
            return "/".join((self.name, *self.short, *self.inverse))
        return "/".join((self.name, *self.off, *self.short))

    def is_default(self, given: Given) -> bool:
        """Whether it says what holds where nothing is said."""
        if not self.default:
            return False
        if self.is_bare:
            return given.on is not None and given.on == (self.default == "true")
        text = given.value.text if given.value is not None else None
        if text is None or self.takes not in ("int", "count", "float"):
            return text == self.default
        try:
            return float(text) == float(self.default)
        except ValueError:
            return False


@lru_cache(maxsize=8)
def options_of(release: Version) -> Mapping[str, ServeOption]:
    """The options of `vllm serve` in `release`, by every spelling that it accepts."""
    found: dict[str, ServeOption] = {}
    inverse = VllmProfile(release).command.inverse_switches.value
    for each in _all():
        if not admits(each.releases, release):
            continue
        option = _with_inverse(each, inverse) if each.takes == "switch" else each
        for name in (option.name, *option.short, *option.off):
            found[name] = option
    return found


def _with_inverse(option: ServeOption, inverse: Mapping[str, str]) -> ServeOption:
    names = (option.name, *option.short)
    found = [
        other + name.removeprefix(begun)
        for name in names
        for begun, other in inverse.items()
        if name.startswith(begun)
    ]
    return replace(option, inverse=tuple(found)) if found else option


def releases_with(name: str) -> tuple[Version, ...]:
    """The profiled releases with the option `name`, oldest first."""
    forms = [option for option in _all() if name in (option.name, *option.short)]
    return tuple(
        release
        for release in known("vllm")
        if any(admits(option.releases, release) for option in forms)
    )


def left_before(name: str) -> str | None:
    """The last release, older than those profiled, with the option `name`.

    None if there is none.
    """
    held = tables(TOPIC).get("formerly", {}).get(name)
    return None if held is None else str(held)


@cache
def _all() -> tuple[ServeOption, ...]:
    rows = cast("Sequence[Mapping[str, str | Sequence[str]]]", tables(TOPIC)["option"])
    return tuple(
        ServeOption(
            name=str(row["name"]),
            takes=str(row["takes"]),
            short=tuple(row.get("short", ())),
            choices=tuple(row.get("choices", ())),
            releases=str(row.get("releases", "")),
            deprecated=bool(row.get("deprecated", "")),
            default=str(row.get("default", "")),
        )
        for row in rows
    )

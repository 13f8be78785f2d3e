"""Which modules and names libraries have, by release (`data/modules`), and how Python says no.

The files are a bound from above: they have every name that a module of a release may have, so that
one that is not there is surely missing. Nothing is told of modules without a table, of packages
that have no file, and of releases beyond those read. The files are searched as text: parsing their
thousands of rows would take longer than most analyses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache, lru_cache

from forgather_lint.core.record import record
from forgather_lint.core.version import Version
from forgather_lint.engines.fact import DATA, table
from forgather_lint.engines.names import admits

STANDARD = "python"
"""The file of the standard library: the names that any of Python 3.9 to 3.14 has."""

ANY, PACKAGE, LAZY, ALIKE = "*", "/", "~", "="
"""Entries among the names of a module that are none: see `_Module`."""

_NO_RELEASE = Version(0, 0)


@record
class Absent:
    """What a library does not have: a module, or a name in one. `error` is what Python says.

    `instead` is its replacement (`data/imports.toml`), `near` a name that is there and is written
    alike, `releases` are those that have it; "" where there is none.
    """

    dotted: str
    error: str
    near: str = ""
    releases: str = ""
    instead: str = ""

    @property
    def library(self) -> str:
        """The package that it would be in."""
        return self.dotted.partition(".")[0]


@record
class Libraries:
    """The modules that a model finds beside it: those of Python, transformers and torch.

    Of a library whose release is None no more is known than that it is one of those read.
    """

    transformers: Version | None
    torch: Version | None

    @classmethod
    def of(cls, transformers: Version, torch: str) -> Libraries:
        """The libraries beside a release of transformers, and one of torch, "" if not known."""
        return cls(transformers, Version.parse(torch) if torch else None)

    def module_error(self, name: str) -> str:
        return _error(self.absent_module(name))

    def import_error(self, module: str, name: str) -> str:
        return _error(self.absent_name(module, name))

    def attribute_error(self, module: str, name: str) -> str:
        return _error(self.absent_attribute(module, name))

    def absent_module(self, name: str) -> Absent | None:
        """What is missing for `import name`; None where nothing is known to be."""
        parts = name.split(".")
        for last in range(1, len(parts)):
            package, dotted = ".".join(parts[:last]), ".".join(parts[: last + 1])
            told, releases = module_named(package), self._asked(package)
            if told is None or not releases:
                return None
            inner = module_named(dotted)
            if inner is not None and any(inner.is_in(each) for each in releases):
                continue
            # An attribute is no module, but for what Python keeps as one (`os.path`).
            several = told.is_package or _library(package) == STANDARD
            wanted = parts[last] if several else ANY
            if any(told.may_have(wanted, each) for each in releases):
                return None
            return self._no_module(dotted, told, inner)
        return None

    def _no_module(self, dotted: str, parent: _Module, inner: _Module | None) -> Absent:
        package, _, last = dotted.rpartition(".")
        more = "" if parent.is_package else f"; '{package}' is not a package"
        error = f"ModuleNotFoundError: No module named '{dotted}'{more}"
        near = self._near(package, last) if parent.is_package else ""
        there = inner.releases if inner is not None else ""
        return Absent(dotted, error, near and f"{package}.{near}", there, _instead(dotted, _ITSELF))

    def absent_name(self, module: str, name: str) -> Absent | None:
        """What is missing for `from module import name`; None where nothing is known to be."""
        no_module = self.absent_module(module)
        if no_module is not None:
            return no_module
        if not self._lacks(module, name):
            return None
        error = f"ImportError: cannot import name '{name}' from '{module}'"
        return self._absent(module, name, error)

    def absent_attribute(self, module: str, name: str) -> Absent | None:
        """What is missing for `module.name`, where `module` is the name of one."""
        if not self._lacks(module, name) or _is_shared(module):
            return None
        told = module_named(module)
        said = f"'{module}'", f"'{name}'"
        if told is not None and told.is_lazy:
            said = module, name
        error = f"AttributeError: module {said[0]} has no attribute {said[1]}"
        return self._absent(module, name, error)

    def _lacks(self, module: str, name: str) -> bool:
        return _lack(module, name, self._asked(module))

    def _absent(self, module: str, name: str, error: str) -> Absent:
        told = module_named(module)
        ranges = told.releases_with(name) if told is not None else ""
        instead = _instead(module, name)
        near = "" if instead else self._near(module, name)
        return Absent(f"{module}.{name}", error, near, ranges, instead)

    def _near(self, module: str, name: str) -> str:
        """The name of `module` that is most like `name`."""
        from difflib import get_close_matches  # only an error pays for it

        told, releases = module_named(module), self._asked(module)
        there = [each for each in told.names(releases[-1]) if each.isidentifier()] if told else []
        return next(iter(get_close_matches(name, there, 1, _ALIKE_ENOUGH)), "")

    def _asked(self, module: str) -> tuple[Version, ...]:
        """The releases of the library of `module` that all have to lack what is said to be absent.

        None of them where the release is beyond those read.
        """
        library = _library(module)
        if library == STANDARD:
            return (_NO_RELEASE,)
        release = self.transformers if library == "transformers" else self.torch
        known = _releases(library)
        if release in known:
            return (release,)
        return known if release is None or known[0] < release < known[-1] else ()


@lru_cache(maxsize=4096)
def _lack(module: str, name: str, releases: tuple[Version, ...]) -> bool:
    """Whether the module of every one of the releases, if there are any, surely lacks `name`."""
    told = module_named(module)
    if told is None or not releases or (name.startswith("__") and name.endswith("__")):
        return False
    return all(told.is_in(each) and not told.may_have(name, each) for each in releases)


def _is_shared(module: str) -> bool:
    """Whether other modules are called so too, by `libraries.names.canonical`."""
    package, _, last = module.rpartition(".")
    if package == "torch.nn":
        return module_named(f"torch.nn.modules.{last}") is not None
    return package == "transformers" and _text(package).count(f'.{last}"]') > 1


def _instead(module: str, name: str) -> str:
    return str(table("imports", module).get(name, ""))


_ITSELF = "*"
"""The name, in the table of a module, of what to use instead of the module."""


def _error(absent: Absent | None) -> str:
    return absent.error if absent is not None else ""


_ALIKE_ENOUGH = 0.75


@record
class _Module:
    """The rows of a module: names, with spaces around each, for each range of releases.

    Among the names `PACKAGE` tells that it is one, `LAZY` that transformers' machinery answers for
    it, `ANY` that it may have any name; with a text on one side of it, any that ends or begins so.
    `ALIKE` stands with the name of another module for all of that module's names. `entries` are the
    last two of each row.
    """

    releases: str
    rows: Mapping[str, str]
    entries: tuple[tuple[str, tuple[str, ...]], ...]

    def is_in(self, release: Version) -> bool:
        """Whether `release` has the module."""
        return admits(self.releases, release)

    def names(self, release: Version) -> Iterator[str]:
        """All names that the module may have in `release`."""
        for ranges, names in self.rows.items() if self.is_in(release) else ():
            if admits(ranges, release):
                yield from names.split()

    def may_have(self, name: str, release: Version) -> bool:
        """Whether the module of `release` may have `name`."""
        if not self.is_in(release):
            return False
        # Not by `names`: to take a row apart costs more than most questions.
        wanted = f" {name} "
        return any(
            wanted in names and admits(ranges, release) for ranges, names in self.rows.items()
        ) or any(
            admits(ranges, release) and _stands_for(each, name, release)
            for ranges, entry in self.entries
            for each in entry
        )

    def releases_with(self, name: str) -> str:
        """The releases in which the module has `name`; "" where none does."""
        wanted = f" {name} "
        return next((ranges for ranges, names in self.rows.items() if wanted in names), "")

    @property
    def is_package(self) -> bool:
        return any(f" {PACKAGE} " in names for names in self.rows.values())

    @property
    def is_lazy(self) -> bool:
        return any(f" {LAZY} " in names for names in self.rows.values())


def _stands_for(entry: str, name: str, release: Version) -> bool:
    if entry[0] == ALIKE:
        other = module_named(entry[1:])
        return other is None or other.may_have(name, release)
    return name.endswith(entry[1:]) if entry[0] == ANY else name.startswith(entry[:-1])


def every_name(library: str, module: str) -> frozenset[str]:
    """The names of `module` in all releases; none where nothing is told of it."""
    told = _module(library, module)
    rows = told.rows.values() if told is not None else ()
    return frozenset(name for names in rows for name in names.split() if name.isidentifier())


def module_named(name: str) -> _Module | None:
    """What is told of a module; None where nothing is."""
    return _module(_library(name), name)


@lru_cache(maxsize=1024)
def _module(library: str, name: str) -> _Module | None:
    text, header = _text(library), f'\n["{name}"]\n'
    begin = text.find(header)
    if begin < 0:
        return None
    begin += len(header)
    rows = dict[str, str]()
    for line in text[begin : text.find("\n\n", begin)].splitlines():
        key, _, value = line.partition(" = ")
        rows[key.strip('"')] = value.strip('"')
    releases = rows.pop("releases", "")
    spaced = {ranges: f" {names} " for ranges, names in rows.items()}
    entries = [(ranges, tuple(_entries(names))) for ranges, names in spaced.items()]
    return _Module(releases, spaced, tuple(each for each in entries if each[1]))


def _entries(names: str) -> Iterator[str]:
    for sign in (ANY, ALIKE):
        at = names.find(sign)
        while at >= 0:
            end = names.index(" ", at)
            yield names[names.rindex(" ", 0, at) + 1 : end]
            at = names.find(sign, end)


def _library(module: str) -> str:
    top = module.partition(".")[0]
    return top if top in ("transformers", "torch") else STANDARD


@cache
def _releases(library: str) -> tuple[Version, ...]:
    head = _text(library)[:_HEAD].partition("\nreleases = [")[2].partition("]")[0]
    return tuple(Version.parse(each.strip(' "')) for each in head.split(","))


_HEAD = 10_000
"""The characters in which the releases are listed; the file has over a million."""


@cache
def _text(library: str) -> str:
    return (DATA / "modules" / f"{library}.toml").read_text("utf-8")

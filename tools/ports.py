"""Digests of upstream code that this tool ports, and whether they still hold.

    python -m tools.ports FILE...

notes in `fixtures/ports.toml` that all ports were read beside the releases in these folders or
wheels, and says what is new. `tools/check_targets.py` says which ports a release has changed: read
those first.
"""

from __future__ import annotations

import ast
import hashlib
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from forgather_lint.core.port import port_of
from forgather_lint.core.version import Version
from forgather_lint.engines.fact import tables
from forgather_lint.engines.registry import projects
from forgather_lint.engines.releases import known
from tools import command_line
from tools.upstream import Missing, Upstream

ROOT = Path(__file__).parents[1]
STORED = ROOT / "fixtures" / "ports.toml"
HEAD = """\
# Digests of the upstream code that `port_of` names, each behind the first release that has it.
# `-`: the symbol is gone. Written by `python -m tools.ports`.
"""
GONE = "-"
BLOCK = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef

Digests = dict[Version, str]
"""The digest of a symbol from each release on, until the next; before the first there is none."""


@dataclass(frozen=True)
class Port:
    """One use of `port_of`: its file and name, and what it is a port of."""

    name: str
    path: str
    symbol: str

    @property
    def project(self) -> str:
        """The project of the upstream file."""
        return self.path.partition("/")[0]

    @property
    def source(self) -> str:
        """The place in the newest release."""
        return f"{self.path}::{self.symbol}"


@cache
def ports() -> tuple[Port, ...]:
    """Every port of the package, in the order of its files."""
    files = sorted((ROOT / "forgather_lint").rglob("*.py"))
    return tuple(port for file in files for port in ports_in(file))


def ports_in(file: Path) -> Iterator[Port]:
    """The ports of one file, as its text has them."""
    text, mark = file.read_text("utf-8"), port_of.__name__
    if f"@{mark}(" not in text:
        return
    for node in ast.walk(ast.parse(text)):
        for decorator in getattr(node, "decorator_list", ()):
            if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == mark:
                name = f"{file.relative_to(ROOT).as_posix()}::{getattr(node, 'name', '')}"
                yield Port(name, *map(ast.literal_eval, decorator.args))


@cache
def stored() -> dict[str, Digests]:
    """The digests in `fixtures/ports.toml`, by source."""
    return {
        f"{path}::{symbol}": {
            Version.parse(since): digest for since, digest in map(str.split, text.split(","))
        }
        for path, symbols in tomllib.loads(STORED.read_text("utf-8")).items()
        for symbol, text in symbols.items()
    }


def expected(digests: Digests, version: Version) -> str:
    """The digest in a release; `GONE` before the first."""
    return next((digests[each] for each in sorted(digests)[::-1] if each <= version), GONE)


def check_ports(release: Upstream) -> Iterator[str]:
    """The ports whose source in `release` differs from the one that was last read."""
    for port in ports():
        if port.project != release.project or release.version < known(release.project)[0]:
            continue
        noted = expected(stored().get(port.source, {}), release.version)
        found = digest_in(release, port.source)
        if found != noted:
            what = "is gone" if found == GONE else "is new" if noted == GONE else "changed"
            place = place_in(release.version, port.source)
            yield f"{port.name} is to be read again: {place} {what}"


def digest_in(release: Upstream, source: str) -> str:
    """The digest, in `release`, of what the newest release has at `source`; or `GONE`."""
    try:
        return digest(release.symbol(place_in(release.version, source)))
    except Missing:
        return GONE


def place_in(version: Version, source: str) -> str:
    """The place, in an older release, of what the newest has at `source`."""
    moves = tables("moved").get(source.partition("/")[0], {})
    for release in sorted(map(Version.parse, moves), reverse=True):
        names = moves[str(release)]
        assert isinstance(names, Mapping)
        held = [
            old for old, new in names.items() if re.match(rf"{re.escape(new)}(?=\.|::|$)", source)
        ]
        if version < release and held:
            old = max(held, key=lambda each: len(names[each]))
            source = old + source.removeprefix(names[old])
    return source


def digest(node: ast.AST) -> str:
    """Eight digits that change when the code of `node` does; layout and docstrings do not count."""
    return hashlib.sha256(_shape(node).encode()).hexdigest()[:8]


def _shape(value: object) -> str:
    """The tree below `value`, the same in every version of Python (`ast.dump` is not)."""
    if isinstance(value, list):
        return f"[{','.join(map(_shape, value))}]"
    if not isinstance(value, ast.AST):
        return repr(value)
    fields = dict(ast.iter_fields(value))
    if isinstance(value, BLOCK) and ast.get_docstring(value, clean=False) is not None:
        fields["body"] = value.body[1:]
    said = [f"{name}={_shape(each)}" for name, each in fields.items() if each not in (None, [])]
    return f"{type(value).__name__}({','.join(said)})"


def note(digests: Digests, release: Upstream, source: str) -> bool:
    """Record the digest that `source` has in `release`; False if it was known."""
    found = digest_in(release, source)
    if found == expected(digests, release.version):
        return False
    digests[release.version] = found
    return True


def written(all_digests: Mapping[str, Digests]) -> str:
    """The text of `fixtures/ports.toml`."""
    lines, file = [HEAD.rstrip()], ""
    for source in sorted(all_digests):
        path, _, symbol = source.partition("::")
        if path != file:
            lines += ["", f'["{path}"]']
            file = path
        rows = sorted(all_digests[source].items())
        lines.append(f'"{symbol}" = "{", ".join(f"{since} {each}" for since, each in rows)}"')
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    """Note the releases named; 1 if a port has no source in any release."""
    given = command_line.releases(__doc__, arguments)
    sources = {port.source: port.project for port in ports()}
    digests = {source: dict(stored().get(source, {})) for source in sources}
    for project in projects():
        opened = [Upstream.open(path, project) for path in given]
        found = [each for each in opened if each and each.version >= known(project)[0]]
        for release in sorted(found, key=lambda each: each.version):
            for source in (source for source, of in sources.items() if of == project):
                if note(digests[source], release, source):
                    print(f"{release.version} {place_in(release.version, source)}")
    STORED.write_text(written(digests), "utf-8")
    unseen = [source for source, rows in digests.items() if not rows]
    print(*(f"no release has {source}" for source in unseen), sep="\n")
    return 1 if unseen else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

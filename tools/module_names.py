"""Writes `modules/*.toml`: the names that each module of a library may have, by release.

    python -m tools.module_names [--python COMMAND]... [--torch COMMAND] [FILE...]

A FILE is a wheel (`pip download --no-deps transformers==5.24.0`) or a folder that holds one
unpacked. All wheels of a library that its file is to tell of are given at once: it is written anew.
Wheels of torch for macOS are small, and their Python files are those of every other platform.

Of a wheel nothing is imported: a module may have every name that a statement of its file binds,
whether or not it is run, and what star imports bring. It is a bound from above: what is not in it
is surely missing. Where a module computes its names (`globals()`, `__getattr__`, transformers' lazy
modules), every string in its file may be one of them, and where it asks another module for them, it
may have any.

A COMMAND runs a Python. The standard library has the names that it has in any of those of
`--python` (3.9 to 3.14); that of `--torch` tells which names torch's C code puts into modules.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
import shlex
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

from forgather_lint.core.version import Version
from forgather_lint.engines.fact import DATA
from forgather_lint.engines.modules import (
    ALIKE,
    ANY,
    LAZY,
    PACKAGE,
    STANDARD,
    every_name,
    module_named,
)
from tools import command_line
from tools.release_names import ranges_among
from tools.upstream import Upstream

PREAMBLE = """\
# The names that each module may have, by release. Written by `python -m tools.module_names`; not by
# hand. Modules without a table exist or do not: see the names of the package that they are in.

"""

Modules = Mapping[str, frozenset[str]]
"""The names of each module."""

LEFT_OUT = re.compile(
    r"(.*\.)?(_[a-zA-Z]\w*|testing\w*|cli|commands)(\..*)?"
    r"|transformers\.models\..*\.(convert|modular|image|video|feature|processing|tokenization)_\w+"
    r"|transformers\.(exporters|pipelines|data|onnx|kernels|sagemaker)\..*"
    r"|torch\.(ao|contrib|onnx|package|quantization|distributed\.(\w+|\w+\.\w+)\.\w+)(\..*)?"
    r"|torch\.(fx\.\w+|jit|mps|cuda|autograd|utils\.(data|tensorboard|benchmark|hipify|viz|model_dump))\..*"
)
"""Modules that exist and that code of models does not import: nothing is told of them."""

DUNDER = re.compile(r"__\w+__")
"""Names of which nobody asks whether they are there: Python makes most of them."""

COMPUTED = {
    "torch": "`__getattr__` knows its own names and the modules of `_lazy_modules`",
    "transformers.pipelines": "`__getattr__` asks `_PIPELINE_CLASSES`",
}
"""Modules whose `__getattr__` asks other modules, and only for names that the file spells out."""


OF_TORCH = (f"_{ANY}", f"{ANY}_")
"""Names of `torch._C` that its stub does not list: private ones, functions that work in place."""


@dataclass(frozen=True, slots=True)
class Bindings:
    """What a file binds.

    `typed` are names bound below `if TYPE_CHECKING`, `exported` those that transformers' lazy
    packages find in it, `stars` the modules of star imports. `strings` are all that look like a
    name, where they are needed, `read` what it reads from `torch`. `computes` tells that names are
    made at run time, `asks` that `__getattr__`, or a module put in its place, asks others for them.
    A `lazy` package announces its names, and answers to those that end in one of `fallbacks` with
    others.
    """

    names: frozenset[str]
    typed: frozenset[str] = frozenset()
    exported: frozenset[str] = frozenset()
    stars: tuple[str, ...] = ()
    strings: frozenset[str] = frozenset()
    read: frozenset[str] = frozenset()
    computes: bool = False
    asks: bool = False
    lazy: bool = False
    fallbacks: tuple[str, ...] = ()


UNREADABLE = Bindings(frozenset({ANY}))


@dataclass
class Files:
    """Parses files; one that several releases share is parsed once."""

    _parsed: dict[bytes, Bindings] = field(default_factory=dict)

    def bindings(self, text: str) -> Bindings:
        """What the file with this text binds."""
        key = hashlib.sha256(text.encode()).digest()
        if key not in self._parsed:
            self._parsed[key] = bindings(text)
        return self._parsed[key]


def bindings(text: str) -> Bindings:
    """What a file with this text binds at its top level."""
    try:
        tree = ast.parse(text)
    except SyntaxError:  # of a newer Python
        return UNREADABLE
    names, typed, stars = set[str](), set[str](), list[str]()
    exported = set[str]()
    _bind(tree.body, names, typed, stars)
    for line in _GLOBAL.findall(text):
        names.update(name.strip() for name in line.split(","))
    asks = False
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            if any(re.match(r"(requires|export)\b", ast.unparse(d)) for d in node.decorator_list):
                exported.add(node.name)
            if node.name == "__getattr__":
                asks = bool(re.search(r"\b(getattr|import_module)\(", ast.unparse(node)))
        elif "__all__" in _targets(node):
            exported.update(_strings(node))
    lazy = "_LazyModule(" in text
    computes = bool(_COMPUTED.search(text)) or "__getattr__" in names
    return Bindings(
        names=frozenset(names),
        typed=frozenset(typed),
        exported=frozenset(exported),
        stars=tuple(stars),
        strings=frozenset(_strings(tree)) if computes or lazy else frozenset(),
        read=frozenset(_read(tree)) if "import torch\n" in text else frozenset(),
        computes=computes,
        asks=asks or (not lazy and "sys.modules[__name__]" in text),
        lazy=lazy,
        fallbacks=tuple(re.findall(r'name\.endswith\("(\w+)"\)', text)),
    )


_GLOBAL = re.compile(r"^\s+global (\w+(?:, *\w+)*) *(?:#.*)?$", re.MULTILINE)
_COMPUTED = re.compile(r"\bglobals\(\)|\bvars\(\)|^\s*exec\(", re.MULTILINE)


def _bind(block: Iterable[ast.AST], names: set[str], typed: set[str], stars: list[str]) -> None:
    """Note what the statements of `block` bind; bodies of functions and classes bind nothing."""
    for node in block:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
            continue
        if isinstance(node, ast.Lambda):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            plain = ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")
            _bind(node.body, typed if plain else names, typed, [] if plain else stars)
            _bind(node.orelse, names, typed, stars)
            continue
        if isinstance(node, ast.Import):
            names.update(alias.asname or alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            for alias in node.names:
                if alias.name == "*":
                    stars.append(module)
                else:
                    names.add(alias.asname or alias.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            names.add(node.name)
        elif isinstance(node, ast.MatchMapping) and node.rest:
            names.add(node.rest)
        _bind(ast.iter_child_nodes(node), names, typed, stars)


def _read(tree: ast.AST) -> Iterator[str]:
    """Each `name` of `torch.name`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "torch":
            yield node.attr


def _targets(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.Assign):
        return {ast.unparse(each) for each in node.targets}
    if isinstance(node, ast.AugAssign | ast.AnnAssign):
        return {ast.unparse(node.target)}
    extended = isinstance(node, ast.Expr) and ast.unparse(node).startswith("__all__.")
    return {"__all__"} if extended else set()


def _strings(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            parts = node.value.strip(".").split(".")
            if all(part.isidentifier() for part in parts):
                yield from parts


@dataclass
class Library:
    """The modules of one release, by name."""

    files: Mapping[str, Bindings]
    packages: frozenset[str]
    compiled: Mapping[str, Bindings]
    submodules: Mapping[str, frozenset[str]]
    found: dict[str, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, release: Upstream, seen: Files) -> Library:
        """The library in `release`."""
        files, compiled = dict[str, Bindings](), dict[str, Bindings]()
        packages, inside = set[str](), defaultdict[str, set[str]](set)
        for path in release.files.names():
            if not path.startswith(f"{release.project}/") or not re.search(r"\.(pyi?|so)$", path):
                continue
            parts = re.sub(r"(\.[\w-]+)?\.(pyi?|so)$", "", path).split("/")
            package = parts[-1] == "__init__"
            name = ".".join(parts[:-1] if package else parts)
            for last in range(1, name.count(".") + 1):
                parent = ".".join(name.split(".")[:last])
                inside[parent].add(name.split(".")[last])
            if path.endswith(".so"):
                continue
            told = seen.bindings(release.files.read(path))
            (files if path.endswith(".py") else compiled)[name] = told
            if package:
                packages.add(name)
        others = {name: each for name, each in compiled.items() if name not in files}
        folders = {name: frozenset(each) for name, each in inside.items()}
        return cls(files, frozenset(packages | inside.keys()), others, folders)

    def names(self, module: str) -> frozenset[str]:
        """All names that `module` may have, those of its submodules too."""
        met, ahead = {module}, [module]
        for each in ahead:
            told = self.files.get(each)
            stars = [self._absolute(each, star) for star in told.stars] if told else []
            ahead.extend(star for star in stars if star not in met)
            met.update(stars)
        return frozenset(name for each in met for name in self._own(each))

    def _own(self, module: str) -> frozenset[str]:
        """The same without what star imports bring."""
        if module not in self.found:
            self.found[module] = frozenset(self._bound(module))
        return self.found[module]

    def _bound(self, module: str) -> Iterator[str]:
        yield from self.submodules.get(module, ())
        told = self.files.get(module)
        if told is None:
            yield from self._not_read(module)
            return
        yield from told.names
        if told.asks and module not in COMPUTED:
            yield ANY
        if told.computes or told.lazy:
            yield from told.strings
        if told.lazy:
            yield from told.typed
            yield from self._lazy(module)
        if module == "torch":
            yield from OF_TORCH
            yield from (name for each in self.files.values() for name in each.read)

    def _not_read(self, module: str) -> Iterable[str]:
        """The names of a module that is compiled, or of another library."""
        if module in ("torch._C", "torch._C._VariableFunctions"):
            return self.compiled[module].names
        return every_name(STANDARD, module) or (ANY,)

    def _lazy(self, package: str) -> Iterator[str]:
        """What a lazy package finds in its files, and the names that it answers with others."""
        for name, told in self.files.items():
            if name.startswith(f"{package}."):
                yield from told.exported
            if name.startswith(f"{package}.utils.dummy_"):
                yield from told.names  # which stand in for those of libraries that are not there
        yield f"_{ANY}"  # attributes of the machinery itself
        machinery = self.files["transformers.utils.import_utils"]
        yield from (ANY + ending for ending in machinery.fallbacks)
        if ".models." in package and "_fast" in str(self.files["transformers"].strings):
            yield f"{ANY}_fast"

    def _absolute(self, module: str, star: str) -> str:
        level = len(star) - len(star.lstrip("."))
        if not level:
            return star
        parts = module.split(".")
        if module not in self.packages:
            parts = parts[:-1]
        base = parts[: len(parts) - level + 1]
        return ".".join([*base, star[level:]] if star[level:] else base)


def told_modules(release: Upstream, seen: Files) -> Modules:
    """The names of every module that the file tells of."""
    library = Library.of(release, seen)
    told = [name for name in library.files if not LEFT_OUT.fullmatch(name)]
    found = {name: library.names(name) for name in told}
    for name in library.packages & found.keys():
        found[name] |= {PACKAGE, LAZY} if library.files[name].lazy else {PACKAGE}
    if "transformers.models" in found:
        # Whatever a model exports can be had of both.
        found["transformers.models"] -= found["transformers"]
        found["transformers.models"] |= library.submodules["transformers.models"]
        found["transformers.models"] |= {PACKAGE, LAZY, f"{ALIKE}transformers"}
    return found


def modules_differ(release: Upstream) -> Iterator[str]:
    """Every module of which the file tells something else than `release` has."""
    told = told_modules(release, Files())
    for name in sorted(told):
        stored = module_named(name)
        names = set(stored.names(release.version)) if stored is not None else set[str]()
        differ = {each for each in names ^ told[name] if not DUNDER.fullmatch(each)}
        if differ:
            yield f"modules differ: {name}: {' '.join(sorted(differ))}"


INTROSPECTION = """
import importlib, json, pkgutil, sys, types, warnings
warnings.simplefilter("ignore")
left_out = {"antigravity", "this", "test", "idlelib", "lib2to3", "turtledemo", "tkinter", "turtle",
    "distutils", "ensurepip", "encodings", "venv", "pydoc_data", "curses", "msilib"}
walk, *ahead = sys.argv[1:]
found = {}
for name in ahead:
    last = name.rpartition(".")[2]
    if last.startswith("_") or last == "tests" or name in left_out:
        continue
    try:
        module = importlib.import_module(name)
    except Exception:
        continue
    found[name] = names = {*dir(module), *module.__dict__}
    if "__getattr__" in module.__dict__:
        names.update(part for line in open(module.__file__) for part in line.replace(".", " ")
            .replace("'", " ").replace('"', " ").split() if part.isidentifier())
    if walk and hasattr(module, "__path__"):
        inside = [each.name for each in pkgutil.iter_modules(module.__path__)]
        names.update((*inside, "/"))
        ahead.extend(f"{name}.{each}" for each in inside)
print(json.dumps({name: sorted(names) for name, names in found.items()}))
"""
"""Run by a Python, prints the names of the modules given, and of those inside them."""


def standard_modules(pythons: Iterable[str]) -> Modules:
    """The names that the standard library has in any of the Pythons with these commands."""
    found = defaultdict[str, set[str]](set)
    for python in pythons:
        for name, names in introspected(python, sys.stdlib_module_names, "inside").items():
            found[name].update(names)
    return {name: frozenset(names) for name, names in found.items()}


def introspected(python: str, modules: Iterable[str], inside: str = "") -> dict[str, list[str]]:
    """The names that the modules have in the Python with this command, where it can import them."""
    answer = subprocess.run(
        [*shlex.split(python), "-I", "-c", INTROSPECTION, inside, *sorted(modules)],
        stdout=subprocess.PIPE,
        check=True,
    )
    found: dict[str, list[str]] = json.loads(answer.stdout.splitlines()[-1])
    return found


def with_compiled(release: Modules, python: str) -> Modules:
    """The modules of torch with what its C code puts into them in the Python with this command."""
    there = introspected(python, release)
    return {
        name: names | {each for each in there.get(name, ()) if _new(each, names)}
        for name, names in release.items()
    }


def _new(name: str, names: frozenset[str]) -> bool:
    ends = [each[1:] for each in names if each[0] == ANY]
    return name not in names and not any(name.endswith(end) for end in ends)


def text_of(read: Mapping[Version, Modules]) -> str:
    """The lines of a file: a table for each module, a row for the names of some releases."""
    releases = sorted(read)
    lines = [f"releases = {json.dumps(list(map(str, releases)))}", ""]
    for module in sorted({name for modules in read.values() for name in modules}):
        having = [each for each in releases if module in read[each]]
        rows = defaultdict[str, list[str]](list)
        for name in sorted({name for each in having for name in read[each][module]}):
            if DUNDER.fullmatch(name):
                continue
            there = [each for each in having if name in read[each][module]]
            rows["" if there == having else ranges_among(releases, set(there))].append(name)
        lines.append(f'["{module}"]')
        if having != releases:
            lines.append(f'releases = "{ranges_among(releases, set(having))}"')
        lines += [f'"{ranges}" = "{" ".join(names)}"' for ranges, names in sorted(rows.items())]
        lines.append("")
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Write the file of the library that is given."""
    reading = command_line.parser(__doc__)
    reading.add_argument("releases", nargs="*", type=Path, metavar="FILE")
    reading.add_argument("--python", action="append", default=[], metavar="COMMAND")
    reading.add_argument("--torch", default="", metavar="COMMAND")
    given = reading.parse_args(arguments)
    if given.python:
        _write(STANDARD, {Version(0, 0): standard_modules(given.python)})
    read = defaultdict[str, dict[Version, Modules]](dict)
    seen = Files()
    for path, project in product(given.releases, ("transformers", "torch")):
        release = Upstream.open(path, project)
        if release is not None:
            found = told_modules(release, seen)
            if project == "torch" and given.torch:
                found = with_compiled(found, given.torch)
            read[project][release.version] = found
            print(f"{project} {release.version}: {len(found)} modules", flush=True)
    for project, releases in read.items():
        _write(project, releases)
    return 0


def _write(name: str, read: Mapping[Version, Modules]) -> None:
    (DATA / "modules" / f"{name}.toml").write_text(PREAMBLE + text_of(read), "utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

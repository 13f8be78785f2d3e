"""Reads the Python files of a wheel, or of a folder that holds one, without importing them."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path
from typing import Protocol
from zipfile import ZipFile

from forgather_lint.core.version import Version

HOLE = "\0"


class Missing(Exception):
    """A file or a symbol is not in the wheel."""


class Files(Protocol):
    """The members of a wheel by their path."""

    def names(self) -> list[str]: ...

    def read(self, name: str) -> str: ...


@dataclass(frozen=True, slots=True)
class Zipped:
    """A wheel."""

    archive: ZipFile

    def names(self) -> list[str]:
        return self.archive.namelist()

    def read(self, name: str) -> str:
        return self.archive.read(name).decode("utf-8")


@dataclass(frozen=True, slots=True)
class Unpacked:
    """A folder in which a wheel is unpacked, such as site-packages."""

    root: Path

    def names(self) -> list[str]:
        return [path.relative_to(self.root).as_posix() for path in self.root.rglob("*.py")]

    def read(self, name: str) -> str:
        return (self.root / name).read_text("utf-8")


def is_release_of(metadata: str, project: str) -> bool:
    """Whether the path `metadata` is in a wheel of `project` or of its CPU build."""
    return re.match(rf"{project}(_cpu)?-[\d.]+[^/]*\.dist-info/METADATA$", metadata) is not None


@dataclass
class Upstream:
    """One release of an engine or of transformers."""

    project: str
    version: Version
    metadata: Message
    files: Files
    _trees: dict[str, ast.Module] = field(default_factory=dict)

    @classmethod
    def open(cls, path: Path, project: str) -> Upstream | None:
        """The release of `project` at `path`; None if there is none."""
        files: Files = Unpacked(path) if path.is_dir() else Zipped(ZipFile(path))
        headers = (
            [entry.relative_to(path).as_posix() for entry in path.glob("*.dist-info/METADATA")]
            if path.is_dir()
            else files.names()
        )
        name = next((name for name in headers if is_release_of(name, project)), None)
        if name is None:
            return None
        metadata = HeaderParser().parsestr(files.read(name))
        return cls(project, Version.parse(metadata["Version"]), metadata, files)

    def requirement_on(self, project: str) -> str:
        """The requirement of this release on `project`."""
        for line in self.metadata.get_all("Requires-Dist", []):
            found = re.match(rf"{project}\s*\(?([^;)]*)", line)
            if found and re.match(rf"{project}[^\w\[-]", line):
                return found[1].strip()
        raise Missing(f"no Requires-Dist on {project}")

    def tree(self, path: str) -> ast.Module:
        """The syntax tree of the file `path`. Raises `Missing`."""
        if path not in self._trees:
            try:
                self._trees[path] = ast.parse(self.files.read(path))
            except (KeyError, FileNotFoundError):
                raise Missing(f"no file {path}") from None
        return self._trees[path]

    def symbol(self, source: str) -> ast.AST:
        """The node that `path::dotted.name` names; without a name the whole file. Raises `Missing`.

        Several files, separated by ", ", count as one.
        """
        if ", " in source:
            files = [self.tree(part) for part in source.split(", ")]
            return ast.Module([line for file in files for line in file.body], [])
        path, _, dotted = source.partition("::")
        node: ast.AST = self.tree(path)
        for name in filter(None, dotted.split(".")):
            node = _member(node, name, source)
        return node


def _member(parent: ast.AST, name: str, source: str) -> ast.AST:
    found = [node for node in ast.walk(parent) if name in _defined(node)]
    blocks = [node for node in found if isinstance(node, ast.ClassDef | ast.FunctionDef)]
    if found:
        return (blocks or found)[-1]  # overloads of a function stand before it
    raise Missing(f"no {name} in {source}")


def _defined(node: ast.AST) -> list[str]:
    if isinstance(node, ast.ClassDef | ast.FunctionDef):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [node.target.id]
    return []


def spelling(code: str) -> str:
    """`code` without differences that only a formatter makes."""
    code = re.sub(r"#.*", "", code)
    return re.sub(r"[\s\"'(),]+|(?<=[\"'])f|\bf(?=[\"'])", "", code.replace("\\\\", "\\"))


def text_of(node: ast.AST) -> str:
    """The code of `node`, normalised by `ast.unparse`, then by `spelling`."""
    return spelling(ast.unparse(node))


def messages(node: ast.AST) -> list[str]:
    """Every string in `node`; what is filled in at run time is a HOLE."""
    found = []
    for child in ast.walk(node):
        if isinstance(child, ast.JoinedStr):
            found.append("".join(_piece(value) for value in child.values))
        elif isinstance(child, ast.Constant) and isinstance(child.value, str):
            found.append(re.sub(r"%[sd]|\{\}", HOLE, child.value))
    return found


def _piece(value: ast.expr) -> str:
    if isinstance(value, ast.FormattedValue):
        return f"'{HOLE}'" if value.conversion == ord("r") else HOLE
    return str(value.value) if isinstance(value, ast.Constant) else HOLE


def says(node: ast.AST, text: str) -> bool:
    """Whether a string in `node` contains `text`, in which `{name}` is filled in at run time."""
    wanted = re.sub(r"\{\w+\}", HOLE, text)
    return any(wanted in message for message in messages(node))

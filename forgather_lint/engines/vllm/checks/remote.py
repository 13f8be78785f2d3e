"""Files that transformers does not copy when it loads the code of a model from a local folder."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import libcst as cst

from forgather_lint.core.files import name_of
from forgather_lint.core.paths import absolute
from forgather_lint.core.port import port_of
from forgather_lint.core.source import Place, file_start
from forgather_lint.documents.python import NodePlace, SourceError
from forgather_lint.engines.vllm.checks.checked_model import CheckedModel
from forgather_lint.engines.vllm.checks.phases import Phase, check
from forgather_lint.facts.causes.code import FileNotCopied
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.model.entry import reference

NO_FILES: tuple[str, ...] = ()


@check(Phase.LOAD)
def not_copied(seen: CheckedModel) -> Iterator[ServingProblem]:
    """An import of a file of the model that the loader does not copy.

    It copies the files that auto_map names, and those that their texts import.
    """
    entries = _entries(seen)
    if not entries:
        return
    loading = seen.target.transformers.loading
    yield from _packages(seen, entries)
    copied, wanted = set(entries), _closure(seen, entries)
    for name in entries:
        copied.update(_imported(seen, name))
    if loading.local_imports_followed.value:
        copied = set(wanted)
    for name in wanted:
        if name not in copied:
            importer = next(each for each in wanted if name in _imported(seen, each))
            where = _place(seen, importer, name)
            parts = {"folder": _folder(seen), "file": f"{name}.py"}
            fact = loading.file_not_copied
            yield from seen.problem(FileNotCopied(f"{name}.py", importer), fact, where, parts=parts)
            return
    yield from _bare(seen, [name for name in wanted if name in copied], copied)


def _entries(seen: CheckedModel) -> tuple[str, ...]:
    """The files that auto_map names; empty if one of them is in another repository."""
    auto_map = seen.builder.config_values.get("auto_map")
    texts = list(auto_map.values()) if isinstance(auto_map, dict) else []
    named = [reference(text) for text in texts if isinstance(text, str) and "--" not in text]
    files = tuple(dict.fromkeys(each.module for each in named if each is not None))
    there = all(seen.builder.sources.has(name) for name in files)
    return files if there and seen.builder.config_file is not None else NO_FILES


@port_of("transformers/dynamic_module_utils.py", "get_relative_import_files")
@port_of("transformers/dynamic_module_utils.py", "get_relative_imports")
def _closure(seen: CheckedModel, entries: Iterable[str]) -> tuple[str, ...]:
    """Every file that is imported, directly or not, by `entries`, as the patterns find them."""
    found = dict.fromkeys(entries)
    for name in list(found):
        found.update(dict.fromkeys(_imported(seen, name)))
    return tuple(found) if len(found) == len(set(entries)) else _closure(seen, found)


def _packages(seen: CheckedModel, entries: Iterable[str]) -> Iterator[ServingProblem]:
    """A relative import of a folder, in a file that auto_map names: the loader expects a file."""
    sources, fact = seen.builder.sources, seen.target.transformers.loading.package_not_read
    for importer in entries:
        for name in _searched(seen, importer):
            if name in sources.packages and not sources.has(name):
                where = _place(seen, importer, name)
                parts = {"folder": _folder(seen), "file": f"{name}.py"}
                yield from seen.problem(
                    FileNotCopied(f"{name}/", importer), fact, where, parts=parts
                )
                return


def _imported(seen: CheckedModel, name: str) -> tuple[str, ...]:
    """The files beside it that a file imports, as transformers finds them."""
    return tuple(each for each in _searched(seen, name) if seen.builder.sources.has(each))


def _searched(seen: CheckedModel, name: str) -> tuple[str, ...]:
    """What transformers' patterns find in the text of a file."""
    if not seen.builder.sources.has(name):
        return NO_FILES
    try:
        text = seen.builder.sources.text(name)
    except SourceError:
        return NO_FILES
    # `^\s*` looks at all blank lines from each of them on: what it passes over is left out.
    text = re.sub(r"\s*\n\s*", "\n", text)
    patterns = seen.target.transformers.loading.relative_import_patterns.value
    names = (each for pattern in patterns for each in re.findall(pattern, text, re.MULTILINE))
    return tuple(dict.fromkeys(names))


def _bare(seen: CheckedModel, files: Iterable[str], copied: set[str]) -> Iterator[ServingProblem]:
    """`from . import name`, which no pattern finds, of a file that nothing else imports."""
    for file in files:
        for node, name in _bare_imports(seen, file):
            if seen.builder.sources.has(name) and name not in copied:
                where = NodePlace(seen.builder.loader.files[f"model.{file}"], node)
                fact = seen.target.transformers.loading.name_not_copied
                parts = {"folder": _folder(seen), "name": name}
                yield from seen.problem(FileNotCopied(f"{name}.py", file), fact, where, parts=parts)
                return


def _bare_imports(seen: CheckedModel, file: str) -> Iterator[tuple[cst.ImportFrom, str]]:
    """Such imports at the top of the file, where they surely run."""
    parsed = seen.builder.loader.files.get(f"model.{file}")
    for line in parsed.tree.body if parsed is not None else ():
        for node in line.body if isinstance(line, cst.SimpleStatementLine) else ():
            if isinstance(node, cst.ImportFrom) and len(node.relative) == 1 and not node.module:
                names = () if isinstance(node.names, cst.ImportStar) else node.names
                yield from ((node, str(each.evaluated_name)) for each in names)


def _place(seen: CheckedModel, importer: str, name: str) -> Place:
    """The place of the import of `name` in the file `importer`."""
    parsed = seen.builder.loader.files.get(f"model.{importer}")
    for line in parsed.tree.body if parsed is not None else ():
        for node in line.body if isinstance(line, cst.SimpleStatementLine) else ():
            module = node.module if isinstance(node, cst.ImportFrom) else None
            if parsed and isinstance(module, cst.Name) and module.value == name:
                return NodePlace(parsed, node)
    return file_start(seen.builder.sources.paths.get(importer, ""))


def _folder(seen: CheckedModel) -> str:
    file = seen.builder.config_file
    return name_of(Path(absolute(file.path)).parent) if file is not None else ""

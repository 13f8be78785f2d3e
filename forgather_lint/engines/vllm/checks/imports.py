"""Modules and names that the model imports and that the target's libraries do not have."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst
from libcst.helpers import get_full_name_for_node

from forgather_lint.core.source import Place
from forgather_lint.core.version import ReleaseRange
from forgather_lint.documents.python import NodePlace, PythonFile
from forgather_lint.documents.sources import Sources
from forgather_lint.engines.modules import Absent, Libraries
from forgather_lint.engines.vllm.checks.checked_model import CheckedModel
from forgather_lint.engines.vllm.checks.phases import Phase, check
from forgather_lint.engines.vllm.target import VllmTarget
from forgather_lint.facts.causes.code import ImportRemoved
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.model.build import ModelBuilder


@check(Phase.LOAD)
def removed(seen: CheckedModel) -> Iterator[ServingProblem]:
    """Imports at the top of a file, outside `try` and `if`, which surely run.

    All others raise where they are run (`python/interpreter/imports.py`).
    """
    for name, file in seen.builder.loader.files.items():
        if name.startswith("model."):
            yield from _removed_in(file, seen.builder, seen.target)


def removed_before(
    end: Place, builder: ModelBuilder, target: VllmTarget
) -> Iterator[ServingProblem]:
    """The same in a file that raises at `end` while it is imported: what stands above ran first."""
    for file in builder.loader.files.values():
        if file.path == end.span.path:
            for problem in _removed_in(file, builder, target):
                if problem.where.span.start.row < end.span.start.row:
                    yield problem


def _removed_in(
    file: PythonFile, builder: ModelBuilder, target: VllmTarget
) -> Iterator[ServingProblem]:
    libraries = Libraries.of(target.transformers.version, target.torch)
    for node, absent in _absent(file, libraries, builder.loader.sources):
        yield _problem(target, NodePlace(file, node), absent)


def _absent(
    file: PythonFile, libraries: Libraries, sources: Sources
) -> Iterator[tuple[cst.CSTNode, Absent]]:
    for line in file.tree.body:
        for node in line.body if isinstance(line, cst.SimpleStatementLine) else ():
            for place, absent in _absent_in(node, libraries, sources):
                if absent is not None:
                    yield place, absent


def _absent_in(
    node: cst.CSTNode, libraries: Libraries, sources: Sources
) -> Iterator[tuple[cst.CSTNode, Absent | None]]:
    """What an import names, and whether the libraries lack it; files beside the model are none."""
    if isinstance(node, cst.Import):
        for alias in node.names:
            name = get_full_name_for_node(alias.name) or ""
            if not sources.has(name.partition(".")[0]):
                yield alias.name, libraries.absent_module(name)
    elif isinstance(node, cst.ImportFrom) and node.module is not None and not node.relative:
        module = get_full_name_for_node(node.module) or ""
        if sources.has(module.partition(".")[0]):
            return
        absent = libraries.absent_module(module)
        if absent is not None or isinstance(node.names, cst.ImportStar):
            yield node.module, absent
            return
        for alias in node.names:
            if isinstance(alias.name, cst.Name):
                yield alias.name, libraries.absent_name(module, alias.name.value)


def _problem(target: VllmTarget, where: NodePlace, absent: Absent) -> ServingProblem:
    others = f" other than {absent.releases}" if absent.releases else ""
    shipped = absent.library in ("transformers", "torch")
    return ServingProblem(
        cause=ImportRemoved(absent.dotted, absent.instead, absent.near, absent.releases),
        verdict="fails",
        where=where,
        target=str(target),
        error=absent.error,
        releases=ReleaseRange(absent.library if shipped else "vllm", note=others),
    )

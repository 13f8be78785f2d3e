"""Names that the model imports and that the target's transformers does not have."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst
from libcst.helpers import get_full_name_for_node

from forgather_lint.core.source import Place
from forgather_lint.core.version import ReleaseRange
from forgather_lint.documents.python import NodePlace, PythonFile
from forgather_lint.engines.transformers.imports import ImportedName
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
            yield from _removed_in(file, seen.target)


def removed_before(
    end: Place, builder: ModelBuilder, target: VllmTarget
) -> Iterator[ServingProblem]:
    """The same in a file that raises at `end` while it is imported: what stands above ran first."""
    for file in builder.loader.files.values():
        if file.path == end.span.path:
            for problem in _removed_in(file, target):
                if problem.where.span.start.row < end.span.start.row:
                    yield problem


def _removed_in(file: PythonFile, target: VllmTarget) -> Iterator[ServingProblem]:
    for node, module, alias in _imports(file):
        missing = target.transformers.missing_import(module, alias)
        if missing is not None:
            yield _problem(target, NodePlace(file, node), missing)


def _imports(file: PythonFile) -> Iterator[tuple[cst.CSTNode, str, str]]:
    for line in file.tree.body:
        for node in line.body if isinstance(line, cst.SimpleStatementLine) else ():
            if not isinstance(node, cst.ImportFrom) or node.relative or node.module is None:
                continue
            module = get_full_name_for_node(node.module) or ""
            if module.partition(".")[0] != "transformers" or isinstance(node.names, cst.ImportStar):
                continue
            for alias in node.names:
                if isinstance(alias.name, cst.Name):
                    yield alias.name, module, alias.name.value


def _problem(target: VllmTarget, where: NodePlace, missing: ImportedName) -> ServingProblem:
    return ServingProblem(
        cause=ImportRemoved(missing.dotted, missing.instead),
        verdict="fails",
        where=where,
        target=str(target),
        error=missing.error,
        releases=ReleaseRange("transformers", note=f" other than {missing.releases}"),
    )

"""Files of the model that import files beside them as if these were installed packages.

Before transformers runs a file named in auto_map, it tries to import everything that the file
imports absolutely, even in functions and below `if`; the folder of the model is not on `sys.path`.
"""

from __future__ import annotations

import builtins
import re
import sys
from collections.abc import Iterator
from dataclasses import replace

import libcst as cst
from libcst.helpers import get_full_name_for_node

from forgather_lint.core.port import port_of
from forgather_lint.core.source import Place
from forgather_lint.documents.model_input import ModelInput
from forgather_lint.documents.python import NodePlace, PythonFile
from forgather_lint.documents.walk import descendants
from forgather_lint.engines.fact import Fact, Reaction
from forgather_lint.engines.transformers.base_model import build_base
from forgather_lint.engines.vllm.checks.checked_model import CheckedModel
from forgather_lint.engines.vllm.checks.phases import Phase, check
from forgather_lint.engines.vllm.judge import VllmJudge
from forgather_lint.engines.vllm.subject import environment_of
from forgather_lint.execution.sharded import run
from forgather_lint.facts import NotBuilt
from forgather_lint.facts.causes.code import NeighbourImportedByName
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.model.analysis import builder_of
from forgather_lint.model.entry import AUTO_MODEL, reference
from forgather_lint.python.interpreter.budget import BudgetExceeded
from forgather_lint.python.interpreter.environment import Environment
from forgather_lint.python.interpreter.frame import Raised

Import = cst.Import | cst.ImportFrom
_NO_MODULE = "ModuleNotFoundError: No module named '"
_ABSOLUTE = re.compile(r"^[ \t]*(?:from|import)[ \t]+(\w+)", re.MULTILINE)


@check(Phase.LOAD)
def imported(seen: CheckedModel) -> Iterator[ServingProblem]:
    """A file beside the model that is imported absolutely, on loading or when a function runs."""
    by_name = tuple(_imported_by_name(seen))
    yield from by_name or _imported_when_run(seen, seen.model)


def _imported_by_name(seen: CheckedModel) -> Iterator[ServingProblem]:
    """Absolute imports, at the top of a file, of files beside the model."""
    entries = _entries(seen)
    suspects = [(name, file) for name, file in _files(seen) if _mentions_neighbour(seen, file)]
    loading = seen.target.transformers.loading
    for name, file in suspects:
        if name in entries:
            for node in _checked(file.tree):
                yield from _problem(seen, file, node, loading.import_missing)
    if not entries or any("sys.path" in file.text for _, file in _files(seen)):
        return
    for name, file in suspects:
        if name not in entries:
            for node in _at_top(file.tree):
                yield from _problem(seen, file, node, loading.module_missing)


def _imported_when_run(seen: CheckedModel, model: ModelInput) -> Iterator[ServingProblem]:
    """Absolute imports in functions that surely run while the model is built or called.

    For that the model is built and run once more with only installed packages importable.
    """
    files = [file for _, file in _files(seen)]
    if seen.judge is None or not _entries(seen) or any("sys.path" in file.text for file in files):
        return
    if not any(_mentions_neighbour(seen, file) for file in files):
        return
    for error, where in _errors(seen, model, seen.judge):
        name = error.removeprefix(_NO_MODULE).removesuffix("'")
        if error.startswith(_NO_MODULE) and _is_neighbour(seen, name):
            fact = seen.target.transformers.loading.module_missing
            yield from seen.problem(
                NeighbourImportedByName(name), fact, where, parts={"packages": name}
            )
            return


def _errors(seen: CheckedModel, model: ModelInput, judge: VllmJudge) -> Iterator[tuple[str, Place]]:
    yield from _constructor(seen, model)
    yield from _forward(seen, judge)


def _constructor(seen: CheckedModel, model: ModelInput) -> Iterator[tuple[str, Place]]:
    built = build_base(builder_of(model, _without_neighbours(environment_of(seen.target))))
    if isinstance(built, NotBuilt):
        yield built.message, built.where


def _forward(seen: CheckedModel, judge: VllmJudge) -> Iterator[tuple[str, Place]]:
    """The errors of the forward; modules without children may be replaced, and so do not count."""
    subject, machine = judge.subject, seen.builder.machine
    here = _without_neighbours(machine.environment)
    try:
        planned, heads = judge.planned, judge.heads
        ran = run(machine, subject.tree, subject.root, planned, judge.engine, 1, heads, here)
        outcome = ran.outcome
    except (Raised, BudgetExceeded):
        return
    parents = {name.rpartition(".")[0] for name in subject.tree.instances}
    if outcome.where is not None and outcome.module in parents:
        yield outcome.reason, outcome.where


def _without_neighbours(world: Environment) -> Environment:
    return replace(world, neighbours_by_name=False)


def _files(seen: CheckedModel) -> Iterator[tuple[str, PythonFile]]:
    for name, file in seen.builder.loader.files.items():
        if name.startswith("model."):
            yield name.removeprefix("model."), file


def _mentions_neighbour(seen: CheckedModel, file: PythonFile) -> bool:
    """Whether a line of the text may be such an import.

    A walk of the tree takes a hundred times longer.
    """
    return any(_is_neighbour(seen, name) for name in _ABSOLUTE.findall(file.text))


def _is_neighbour(seen: CheckedModel, name: str) -> bool:
    return name not in sys.stdlib_module_names and seen.builder.sources.has(name)


def _entries(seen: CheckedModel) -> tuple[str, ...]:
    """The files that auto_map names for the classes that vLLM loads."""
    auto_map = seen.builder.config_values.get("auto_map")
    if not isinstance(auto_map, dict):
        return ()
    texts = (auto_map.get(key) for key in ("AutoConfig", AUTO_MODEL))
    named = (reference(text) for text in texts if isinstance(text, str) and "--" not in text)
    return tuple(dict.fromkeys(each.module for each in named if each is not None))


@port_of("transformers/dynamic_module_utils.py", "check_imports")
@port_of("transformers/dynamic_module_utils.py", "get_imports")
def _checked(node: cst.CSTNode) -> Iterator[Import]:
    """The imports that `check_imports` sees: all but those in `try`, or below certain tests.

    Such a test is `is_torch_available()`, or anything else from transformers' `import_utils`.
    """
    if isinstance(node, cst.Try | cst.TryStar):
        return
    if isinstance(node, cst.If) and any(map(_may_ask, descendants(node.test))):
        return
    if isinstance(node, Import):
        yield node
    for child in node.children:
        yield from _checked(child)


def _may_ask(node: cst.CSTNode) -> bool:
    called = node.func if isinstance(node, cst.Call) else None
    return isinstance(called, cst.Name) and not hasattr(builtins, called.value)


def _at_top(tree: cst.Module) -> Iterator[Import]:
    """The imports that surely run when the file is imported."""
    for line in tree.body:
        for node in line.body if isinstance(line, cst.SimpleStatementLine) else ():
            if isinstance(node, Import):
                yield node


def _problem(
    seen: CheckedModel, file: PythonFile, node: Import, fact: Fact[Reaction]
) -> Iterator[ServingProblem]:
    for name in _modules(node):
        if _is_neighbour(seen, name):
            where = NodePlace(file, node)
            yield from seen.problem(
                NeighbourImportedByName(name), fact, where, parts={"packages": name}
            )


def _modules(node: Import) -> Iterator[str]:
    """The first parts of the names of absolute imports."""
    if isinstance(node, cst.Import):
        names = [get_full_name_for_node(each.name) or "" for each in node.names]
    else:
        whole = get_full_name_for_node(node.module) if node.module and not node.relative else ""
        names = [whole or ""]
    yield from (name.partition(".")[0] for name in names if name)

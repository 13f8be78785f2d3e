"""Files of the model that import their neighbours as if these were installed.

Before transformers runs a file that auto_map names, it imports all that the file imports by an
absolute name, in functions and below `if` too (transformers/dynamic_module_utils.py,
`check_imports`); the folder of the model is not on the path.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

import libcst as cst
from libcst.helpers import get_full_name_for_node

from forgather_lint.model.entry import AUTO_MODEL, reference
from forgather_lint.serve.examined import Examined
from forgather_lint.serving_facts import ServingProblem
from forgather_lint.syntax.python import NodePlace, PythonFile
from forgather_lint.syntax.walk import descendants
from forgather_lint.targets.facts import Fact, Outcome

Import = cst.Import | cst.ImportFrom
_ABSOLUTE = re.compile(r"^\s*(?:from|import)\s+(\w+)", re.MULTILINE)


def imported_by_name(seen: Examined) -> Iterator[ServingProblem]:
    """Absolute imports of files that lie beside the model's."""
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


def _files(seen: Examined) -> Iterator[tuple[str, PythonFile]]:
    for name, file in seen.workshop.loader.files.items():
        if name.startswith("model."):
            yield name.removeprefix("model."), file


def _mentions_neighbour(seen: Examined, file: PythonFile) -> bool:
    """Whether a line of the text may be such an import; walking the tree costs a hundredfold."""
    return any(_is_neighbour(seen, name) for name in _ABSOLUTE.findall(file.text))


def _is_neighbour(seen: Examined, name: str) -> bool:
    return name not in sys.stdlib_module_names and seen.workshop.sources.has(name)


def _entries(seen: Examined) -> tuple[str, ...]:
    """The files that auto_map names for the classes which vLLM loads."""
    auto_map = seen.workshop.config_values.get("auto_map")
    if not isinstance(auto_map, dict):
        return ()
    texts = (auto_map.get(key) for key in ("AutoConfig", AUTO_MODEL))
    named = (reference(text) for text in texts if isinstance(text, str) and "--" not in text)
    return tuple(dict.fromkeys(each.module for each in named if each is not None))


def _checked(node: cst.CSTNode) -> Iterator[Import]:
    """What `check_imports` sees: all but what stands in `try`, or below a test that calls."""
    if isinstance(node, cst.Try | cst.TryStar):
        return
    if isinstance(node, cst.If) and any(isinstance(n, cst.Call) for n in descendants(node.test)):
        return
    if isinstance(node, Import):
        yield node
    for child in node.children:
        yield from _checked(child)


def _at_top(tree: cst.Module) -> Iterator[Import]:
    """What surely runs when the file is imported."""
    for line in tree.body:
        for node in line.body if isinstance(line, cst.SimpleStatementLine) else ():
            if isinstance(node, Import):
                yield node


def _problem(
    seen: Examined, file: PythonFile, node: Import, fact: Fact[Outcome]
) -> Iterator[ServingProblem]:
    for name in _modules(node):
        if _is_neighbour(seen, name):
            where = NodePlace(file, node)
            yield from seen.problem("FGL545", fact, where, name, parts={"packages": name})


def _modules(node: Import) -> Iterator[str]:
    """The first names of absolute imports."""
    if isinstance(node, cst.Import):
        names = [get_full_name_for_node(each.name) or "" for each in node.names]
    else:
        whole = get_full_name_for_node(node.module) if node.module and not node.relative else ""
        names = [whole or ""]
    yield from (name.partition(".")[0] for name in names if name)

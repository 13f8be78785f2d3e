"""Checks the profiles against releases of vLLM and transformers: `python tools/check_targets.py FILE...`

A FILE is a wheel (`pip download --no-deps vllm==0.34.0`) or a folder that holds one unpacked. For a
release newer than the newest profile this lists what changed, fact by fact. Where a line says
"differs", read the source it names and add a row to the data file it names; then note the
release in `releases.toml`. What cannot be checked so is a fact without `shows`, `lacks` or a text.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from forgather_lint.targets import releases
from forgather_lint.targets.facts import DATA, Fact, History, fact_at, histories
from forgather_lint.targets.removed import removed_names
from forgather_lint.targets.version import Version
from tools.upstream import Missing, Upstream, says, spelling, text_of

PROJECTS = ("vllm", "transformers")


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the row of a fact says about its source, for a reader of that source."""

    shows: tuple[str, ...]
    lacks: tuple[str, ...]
    native: bool


def main(arguments: list[str]) -> int:
    """Check every release named; 1 if a profile is wrong about one of them."""
    wrong = 0
    for argument in arguments:
        for project in PROJECTS:
            if (release := Upstream.open(Path(argument), project)) is not None:
                wrong += report(release)
    return 1 if wrong else 0


def report(release: Upstream) -> int:
    """Print what differs and return how much."""
    differences = list(check(release))
    for difference in differences:
        print(f"{release.project} {release.version}: {difference}")
    facts = sum(len(histories(topic)) for topic in topics(release.project))
    print(f"{release.project} {release.version}: {facts} facts, {len(differences)} differ")
    return len(differences)


def topics(project: str) -> list[str]:
    """The data files about `project`, by the name `histories` takes."""
    return [f"{project}/{path.stem}" for path in sorted((DATA / project).glob("*.toml"))]


def check(release: Upstream) -> Iterator[str]:
    """Every difference between the profile of `release` and its source."""
    for topic in topics(release.project):
        for name, history in histories(topic).items():
            for difference in check_fact(release, f"{topic}.{name}", history):
                yield f"{topic}.{name} differs: {difference}"
    if release.project == "vllm":
        yield from check_requirement(release)
    else:
        yield from check_removed(release)


def check_fact(release: Upstream, name: str, history: History) -> Iterator[str]:
    """Whether the source that the fact names still says so."""
    fact = fact_at(history, release.version, release.project)
    evidence = evidence_at(history, release.version)
    try:
        node = release.symbol(fact.source)
    except Missing as missing:
        yield str(missing)
        return
    yield from check_text(node, fact, evidence)
    code = text_of(node)
    yield from (f"{fact.source} does not show {part}" for part in evidence.shows if spelling(part) not in code)
    yield from (f"{fact.source} does show {part}" for part in evidence.lacks if spelling(part) in code)
    if name in READERS and fact.value and (read := READERS[name](node)) != fact.value:
        yield f"{fact.source} has {read}"


def evidence_at(history: History, version: Version) -> Evidence:
    """The evidence beside the source that holds at `version`."""
    rows = [row for release, row in history if release <= version and "source" in row]
    row = rows[-1] if rows else history[0][1]
    return Evidence(_strings(row.get("shows")), _strings(row.get("lacks")), bool(row.get("native")))


def _strings(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else ()


def check_text(node: ast.AST, fact: Fact[object], evidence: Evidence) -> Iterator[str]:
    """Whether the message and the exception of an outcome stand in the source."""
    if not isinstance(fact.value, Mapping) or "effect" not in fact.value or evidence.native:
        return
    text, raises = str(fact.value.get("text", "")), str(fact.value.get("raises", ""))
    if text and not says(node, text):
        yield f"{fact.source} does not say {text!r}"
    keyword = "assert" if raises == "AssertionError" else raises
    if fact.value["effect"] == "error" and text and keyword not in ast.unparse(node):
        yield f"{fact.source} does not raise {raises}"


def check_requirement(release: Upstream) -> Iterator[str]:
    """Whether vLLM demands of transformers what `releases.toml` says."""
    known = releases.requirement(release.version)
    stated = release.requirement_on("transformers")
    if set(str(known).split(",")) != set(stated.split(",")):
        yield f"releases.toml differs: it requires transformers{stated}"


def check_removed(release: Upstream) -> Iterator[str]:
    """Whether the names that custom code imports are there exactly when `removed.toml` says."""
    for module, names in removed_names().items():
        exported = exported_names(release, module)
        for name, entry in names.items():
            if entry.available(release.version) != (name in exported):
                yield f"transformers/removed: {module}.{name} is {'' if name in exported else 'not '}there"


def exported_names(release: Upstream, module: str) -> set[str]:
    """The names at the top level of `module`; none if there is no such file."""
    path = module.replace(".", "/")
    for candidate in (f"{path}.py", f"{path}/__init__.py"):
        try:
            return set(_top_level(release.tree(candidate)))
        except Missing:
            continue
    return set()


def _top_level(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield node.name
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value  # `_import_structure` of older packages


LINEARS = {
    "ColumnParallelLinear, {}": "column",
    "ColumnParallelLinear, {'gather_output': True}": "column_gathered",
    "RowParallelLinear, {}": "row",
    "RowParallelLinear, {'input_is_parallel': False}": "row_splitting",
    "ReplicatedLinear, {}": "replicated",
}


def linear_styles(node: ast.AST) -> dict[str, str]:
    """The styles in vLLM's table and the Linear each becomes."""
    table = next(_dicts_with(node, "colwise"))
    return {
        ast.literal_eval(key): LINEARS[ast.unparse(value).strip("()")]
        for key, value in zip(table.keys, table.values, strict=True)
        if key is not None
    }


def style_names(node: ast.AST) -> list[str]:
    """The styles that transformers' ParallelInterface knows, sorted; from 5.22 on they are registered."""
    names = [
        child.args[0]
        for child in ast.walk(node)
        if isinstance(child, ast.Call) and ast.unparse(child.func) == "ALL_PARALLEL_STYLES.register"
    ]
    if not names:
        names = [key for key in next(_dicts_with(node, "colwise")).keys if key is not None]
    return sorted(map(ast.literal_eval, names))


def literal_strings(node: ast.AST) -> list[str]:
    """The strings of a tuple, in the order written."""
    return [
        child.value
        for child in ast.walk(node)
        if isinstance(child, ast.Constant) and isinstance(child.value, str)
    ]


def _dicts_with(node: ast.AST, wanted: str) -> Iterator[ast.Dict]:
    for child in ast.walk(node):
        if isinstance(child, ast.Dict):
            keys = [key.value for key in child.keys if isinstance(key, ast.Constant)]
            if wanted in keys:
                yield child


def dict_keys(node: ast.AST) -> list[str]:
    """The keys of the first table in `node`, in the order written."""
    return list(string_table(node))


def string_table(node: ast.AST) -> dict[str, str]:
    """The first table in `node`, values as they are written."""
    table = next(child for child in ast.walk(node) if isinstance(child, ast.Dict))
    return {
        ast.literal_eval(key): ast.unparse(value).strip("'")
        for key, value in zip(table.keys, table.values, strict=True)
        if key is not None
    }


READERS = {
    "vllm/plan.styles": linear_styles,
    "transformers/plan.styles": style_names,
    "transformers/config.rope_types": dict_keys,
    "transformers/config.layer_types": literal_strings,
    "transformers/config.layer_types_renamed": string_table,
}


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

"""Checks the profiles against releases of the engines and of transformers.

    python tools/check_targets.py FILE...

A FILE is a wheel (`pip download --no-deps vllm==0.34.0`) or a folder that holds one unpacked. For a
release newer than the newest profile this lists what changed, fact by fact. Where a line says
"differs", read the source it names and add a row to the data file it names; then note the
release in `releases/<name>.toml`. Where one says "is to be read again", code here is a port of
upstream code that changed: follow it, then note that with `tools/ports.py`. What cannot be checked
so is a fact without `shows`, `lacks` or a text.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from forgather_lint.engines import releases
from forgather_lint.engines.fact import DATA, Fact, evidence, raw_facts
from forgather_lint.engines.registry import LIBRARY, projects
from tools import command_line
from tools.module_names import modules_differ
from tools.ports import check_ports
from tools.release_names import names_differ
from tools.upstream import Missing, Upstream, says, spelling, text_of


def main(arguments: list[str]) -> int:
    """Check every release named; 1 if a profile is wrong about one of them."""
    wrong = 0
    for path in command_line.releases(__doc__, arguments):
        for project in projects():
            if (release := Upstream.open(path, project)) is not None:
                wrong += report(release)
    return 1 if wrong else 0


def report(release: Upstream) -> int:
    """Print what differs and return how much."""
    differences = list(check(release))
    for difference in differences:
        print(f"{release.project} {release.version}: {difference}")
    facts = sum(len(raw_facts(topic, release.version)) for topic in topics(release.project))
    print(f"{release.project} {release.version}: {facts} facts, {len(differences)} differ")
    return len(differences)


def topics(project: str) -> list[str]:
    """The data files about `project`, by the name `histories` takes."""
    return [f"{project}/{path.stem}" for path in sorted((DATA / project).glob("*.toml"))]


def check(release: Upstream) -> Iterator[str]:
    """Every difference between the profile of `release` and its source."""
    for topic in topics(release.project):
        seen = evidence(topic, release.version)
        for name, fact in raw_facts(topic, release.version).items():
            for difference in check_fact(release, f"{topic}.{name}", fact, seen[name]):
                yield f"{topic}.{name} differs: {difference}"
    if release.project == LIBRARY:
        yield from modules_differ(release)
    else:
        yield from check_requirement(release)
    yield from names_differ(release)
    yield from check_ports(release)


def check_fact(
    release: Upstream, name: str, fact: Fact[object], seen: Mapping[str, object]
) -> Iterator[str]:
    """Differences between a fact and the source that it names."""
    try:
        node = release.symbol(fact.source)
    except Missing as missing:
        yield str(missing)
        return
    if not seen.get("native"):
        yield from check_outcome(node, fact)
    code = text_of(node)
    for part in _strings(seen.get("shows")):
        if spelling(part) not in code:
            yield f"{fact.source} does not show {part}"
    for part in _strings(seen.get("lacks")):
        if spelling(part) in code:
            yield f"{fact.source} does show {part}"
    if name in READERS and fact.value and (read := READERS[name](node)) != fact.value:
        yield f"{fact.source} has {read}"


def _strings(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else ()


def check_outcome(node: ast.AST, fact: Fact[object]) -> Iterator[str]:
    """Whether the message and the exception of an outcome are found in the source."""
    if not isinstance(fact.value, Mapping) or not fact.value.get("text"):
        return
    text, raises = str(fact.value["text"]), str(fact.value.get("raises", ""))
    if not says(node, text):
        yield f"{fact.source} does not say {text!r}"
    keyword = "assert" if raises == "AssertionError" else raises
    if keyword not in ast.unparse(node):
        yield f"{fact.source} does not raise {raises}"


def check_requirement(release: Upstream) -> Iterator[str]:
    """Whether the engine requires the transformers that `data/releases` says."""
    known = releases.declared(release.project, release.version)
    stated = release.requirement_on("transformers")
    if set(str(known).split(",")) != set(stated.split(",")):
        yield f"releases differ: it requires transformers{stated}"


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
    """The styles that transformers knows, sorted; from 5.22 on they are registered."""
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
    """The keys of the first dict in `node`, in the order written."""
    return list(string_table(node))


def string_table(node: ast.AST) -> dict[str, str]:
    """The first dict in `node`, with values as they are written."""
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

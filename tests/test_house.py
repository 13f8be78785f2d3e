"""The rules of the house that a reader should be able to rely on."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from forgather_lint.engines import registry

ROOT = Path(__file__).parent.parent
ENGINE = ROOT / "forgather_lint"
RULES = ROOT / "rules"
FILES = sorted([*ENGINE.rglob("*.py"), *RULES.rglob("*.py")])

SHELL = {"shell"}
"""What talks to people; no stage of the analysis knows of it."""

SPEAKERS = {"api", "shell", "probes"}
"""Where text may leave the program."""

BROAD_EXCEPTS = 7


def name(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def stage(file: Path) -> str:
    """The folder or module below the package that `file` belongs to."""
    if file.is_relative_to(RULES):
        return "rules"
    return file.relative_to(ENGINE).parts[0].removesuffix(".py")


@cache
def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text("utf-8"))


def imported_stages(file: Path) -> Iterator[str]:
    """The stages that `file` imports, wherever in the file."""
    for node in ast.walk(tree(file)):
        if not isinstance(node, ast.ImportFrom) or not node.module:
            continue
        package, *parts = node.module.split(".")
        if package == "forgather_lint":
            yield from parts[:1] or (alias.name for alias in node.names)


def test_no_stage_imports_one_that_imports_it() -> None:
    graph: dict[str, set[str]] = {}
    for file in FILES:
        graph.setdefault(stage(file), set()).update(set(imported_stages(file)) - {stage(file)})
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(reversed(error.args[1])))


def test_the_analysis_knows_nothing_of_the_shell() -> None:
    analysis = [file for file in FILES if stage(file) not in SHELL | {"__main__", "api"}]
    assert [name(file) for file in analysis if SHELL & set(imported_stages(file))] == []


def test_nothing_imports_the_probes() -> None:
    outside = [file for file in FILES if stage(file) not in {"probes", "shell"}]
    assert [name(file) for file in outside if "probes" in imported_stages(file)] == []


def test_the_map_names_every_folder() -> None:
    """CONTRIBUTING lists each folder of the package once, those that come first first."""
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    listed = re.findall(r"^    ([a-z]+)/ ", text.partition("## How data flows")[2], re.M)
    folders = {file.relative_to(ENGINE).parts[0] for file in ENGINE.glob("*/*.py")} | {"rules"}
    assert sorted(listed) == sorted(folders)
    order = {folder: place for place, folder in enumerate(listed)}
    backwards = [
        f"{name(file)} imports {needed}"
        for file in FILES
        for needed in imported_stages(file)
        if order.get(needed, -1) > order.get(stage(file), len(order))
    ]
    assert backwards == []


ENGINES = tuple(path.parent.name for path in ENGINE.glob("engines/*/engine.py"))
BEHIND_THE_DOOR = (
    "forgather_lint/engines/",
    "rules/serving/",
    *(f"rules/{engine}/" for engine in ENGINES),
    *(f"forgather_lint/facts/causes/{engine}.py" for engine in ENGINES),
)
BESIDE_THE_DOOR = {
    "forgather_lint/probes/": "runs a real vLLM",
    "forgather_lint/shell/commands/verify.py": "asks for such a run by name",
    "forgather_lint/__init__.py": "a function of Forgather's guide",
    "forgather_lint/api/": "a function of Forgather's guide",
}


def test_engines_are_found_by_their_folders() -> None:
    assert set(registry.projects()) == set(ENGINES)
    assert all(registry.project(each).name == each for each in ENGINES)


def test_nothing_outside_names_an_engine() -> None:
    """What serves is asked for by `engines/api.py`; transformers is the library of every engine."""
    engines = set(ENGINES) - {registry.LIBRARY}
    named = [
        f"{name(file)}: {word}"
        for file in FILES
        if not name(file).startswith((*BEHIND_THE_DOOR, *BESIDE_THE_DOOR))
        for word in _words_of_code(tree(file))
        if any(engine in word.lower() for engine in engines)
    ]
    assert named == []


def test_only_engines_load_engines() -> None:
    loading = [
        f"{name(file)}: {node.module}"
        for file in FILES
        if not name(file).startswith(BEHIND_THE_DOOR)
        for node in ast.walk(tree(file))
        if isinstance(node, ast.ImportFrom) and node.module
        for engine in ENGINES
        if node.module.startswith(f"forgather_lint.engines.{engine}")
    ]
    assert set(loading) <= LOADED_BESIDE


def test_no_engine_imports_another() -> None:
    """What two need lies in `engines/common`, which imports none; all build with the library."""
    engines = set(ENGINES) - {registry.LIBRARY}
    crossing = [
        f"{name(file)}: {node.module}"
        for file in (ENGINE / "engines").glob("*/**/*.py")
        for node in ast.walk(tree(file))
        if isinstance(node, ast.ImportFrom) and node.module
        for engine in engines - {file.relative_to(ENGINE / "engines").parts[0]}
        if node.module.startswith(f"forgather_lint.engines.{engine}")
    ]
    assert crossing == []


LOADED_BESIDE = {
    "forgather_lint/probes/static_side.py: forgather_lint.engines.transformers.environment",
    "forgather_lint/probes/static_side.py: forgather_lint.engines.transformers.profile",
}
"""What runs the library alone builds what it is compared with for the library alone."""


def _words_of_code(module: ast.Module) -> Iterator[str]:
    """Every name that `module` defines, takes, reads or imports."""
    for node in ast.walk(module):
        match node:
            case ast.Name(id=word) | ast.Attribute(attr=word) | ast.arg(arg=word):
                yield word
            case ast.FunctionDef(name=word) | ast.ClassDef(name=word) | ast.alias(name=word):
                yield word
            case ast.ImportFrom(module=str(word)) | ast.keyword(arg=str(word)):
                yield word


def test_only_commands_and_reporters_print() -> None:
    printing = [
        name(file)
        for file in FILES
        if stage(file) not in SPEAKERS
        for node in ast.walk(tree(file))
        if isinstance(node, ast.Name) and node.id == "print"
    ]
    assert printing == []


def test_errors_are_caught_by_name() -> None:
    broad = [
        f"{name(file)}:{node.lineno}"
        for file in FILES
        for node in ast.walk(tree(file))
        if isinstance(node, ast.ExceptHandler) and swallows_everything(node)
    ]
    assert len(broad) <= BROAD_EXCEPTS, broad
    assert {place.partition(":")[0] for place in broad} == {
        "forgather_lint/core/workers.py",
        "forgather_lint/pipeline.py",
        "forgather_lint/python/interpreter/library.py",
        "forgather_lint/python/interpreter/machine.py",
        "forgather_lint/shell/contained.py",
    }


def swallows_everything(handler: ast.ExceptHandler) -> bool:
    """Whether any error ends here; one that is raised again after tidying up does not."""
    caught = ast.unparse(handler.type) if handler.type else "BaseException"
    broad = {"Exception", "BaseException"} & set(caught.strip("()").split(", "))
    last = handler.body[-1]
    return bool(broad) and not (isinstance(last, ast.Raise) and last.exc is None)


def test_nothing_is_keyed_by_a_bare_identity() -> None:
    """An object that nobody holds gives its number to another: keys are values, or `ValueId`."""
    found = {
        name(file)
        for file in FILES
        if stage(file) not in ("forgather", "probes")
        for node in ast.walk(tree(file))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "id"
    }
    holders = {
        "python/values/value.py",
        "python/interpreter/trail.py",
        "execution/value_numbers.py",
    }
    assert found == {f"forgather_lint/{holder}" for holder in holders}


KEYED_BY_OUR_OWN = frozenset(
    "answers/kept._class engines/fact.histories engines/fact.tables engines/modules._text "
    "engines/modules._releases engines/ranges.ranges "
    "engines/registry.project engines/registry.server engines/releases.known "
    "documents/walk._parts python/interpreter/constants._fewest".split()
)
"""What is cached without a bound by names that the package itself has: of classes and tables."""

UNBOUNDED = {"cache", "functools.cache", "lru_cache(maxsize=None)", "lru_cache(None)"}


def test_no_cache_grows_with_what_is_read() -> None:
    """A server lives as long as its editor: what texts and settings say is kept with a bound."""
    found = set()
    for file in FILES:
        for node in ast.walk(tree(file)):
            if not isinstance(node, ast.FunctionDef):
                continue
            unbounded = any(ast.unparse(each) in UNBOUNDED for each in node.decorator_list)
            if unbounded and [each for each in node.args.args if each.arg not in ("self", "cls")]:
                found.add(f"{name(file).removesuffix('.py')}.{node.name}")
    assert found == {f"forgather_lint/{each}" for each in KEYED_BY_OUR_OWN}


def test_no_group_is_repeated_possessively() -> None:
    """`re` of Python 3.11.2, Debian's, matches `(?:...)*+` wrongly, and `(?>(?:...)*)` rightly."""
    possessive = re.compile(r"(?<!\\)\)(?:[*+?]|\{[0-9,]+\})\+")
    found = [
        f"{name(file)}:{node.lineno}"
        for file in FILES
        for node in ast.walk(tree(file))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if possessive.search(node.value)
    ]
    assert found == []


def test_no_file_hides_behind_a_folder_of_its_name() -> None:
    """Python takes the folder: such a file is read by people alone."""
    assert [name(file) for file in FILES if file.with_suffix("").is_dir()] == []


def test_nothing_lies_loose_but_the_table_of_contents() -> None:
    loose = {file.name for file in FILES if file.parent == ENGINE}
    assert loose == {"__init__.py", "__main__.py", "pipeline.py"}


def test_modules_say_what_they_are() -> None:
    silent = [
        name(file) for file in FILES if file.stat().st_size and not ast.get_docstring(tree(file))
    ]
    assert silent == []


PLAIN_DECORATORS = {"record", "cache", "lru_cache", "contextmanager", "port_of"}
"""Others enter a function in a table, under the name of what it stands for."""


def test_what_other_files_may_use_says_what_it_is() -> None:
    silent = [
        f"{name(file)}:{node.lineno} {node.name}"
        for file in FILES
        for node in tree(file).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and {ast.unparse(each).partition("(")[0] for each in node.decorator_list}
        <= PLAIN_DECORATORS
        and not ast.get_docstring(node)
    ]
    assert silent == []


def test_records_are_made_by_record() -> None:
    """`dataclass` compiles at each start what `record` shares, but only it makes an order."""
    compiled = [
        f"{name(file)}:{node.lineno}"
        for file in FILES
        if stage(file) != "probes"
        for node in ast.walk(tree(file))
        if isinstance(node, ast.ClassDef)
        for decorator in map(ast.unparse, node.decorator_list)
        if decorator.startswith("dataclass") and "order=True" not in decorator
    ]
    assert compiled == []


HEAVY = ("torch", "transformers", "vllm", "jinja2", "rich", "tokenizers", "numpy")
ONLY_ON_REQUEST = (
    "difflib",
    "forgather_lint.execution.stages",
    "forgather_lint.forgather.render",
    "forgather_lint.shell.statistics",
    "hashlib",
    "importlib.metadata",
)


def loaded_by(*arguments: str) -> set[str]:
    """The top-level modules in memory after this command line ran in a fresh process."""
    code = (
        "import sys\nfrom forgather_lint.__main__ import main\n"
        f"sys.argv = ['forgather-lint', *{list(arguments)!r}]\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print('\\n' + ' '.join(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


def test_a_plain_check_loads_nothing_heavy() -> None:
    loaded = loaded_by("check", "--isolated", "fixtures/models/forgather_llama")
    assert "forgather_lint.pipeline" in loaded
    assert [module for module in (*HEAVY, *ONLY_ON_REQUEST) if module in loaded] == []
    others = {file.stem for file in (ENGINE / "shell" / "commands").glob("*.py")} - {
        "check",
        "__init__",
    }
    assert [verb for verb in others if f"forgather_lint.shell.commands.{verb}" in loaded] == []
    assert "forgather_lint.shell.reporters.full" in loaded
    assert "forgather_lint.shell.reporters.sarif" not in loaded


def test_a_plain_check_loads_two_packages_of_others() -> None:
    started = subprocess.run(
        [sys.executable, "-c", "import sys; print(*sys.modules)"], capture_output=True, text=True
    )
    loaded = loaded_by("check", "--isolated", "fixtures/models/hf_llama")
    fresh = {module.partition(".")[0] for module in loaded - set(started.stdout.split())}
    assert fresh & packages_distributions().keys() - {ENGINE.name} == {"click", "libcst"}


def test_asking_for_the_version_does_not_load_the_parser() -> None:
    loaded = loaded_by("version")
    assert "forgather_lint.shell.commands.version" in loaded
    assert not {"libcst", "yaml"} & loaded

"""The kinds of input: how one is made, which part of the tool reads it, and how that ended."""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from random import Random

from forgather_lint import pipeline
from forgather_lint.core.printable import printable
from forgather_lint.core.record import record
from forgather_lint.core.recursion import deep_recursion
from forgather_lint.core.settings import Settings, SettingsError
from forgather_lint.deployment.checkpoint.headers import Header, header_of
from forgather_lint.documents.commands.texts import commands_in
from forgather_lint.documents.config_json import parse_config
from forgather_lint.documents.discover import Candidate
from forgather_lint.documents.model_input import ModelInput
from forgather_lint.documents.python import SourceError, parse_python
from forgather_lint.documents.sources import Sources
from forgather_lint.engines.chosen_targets import chosen_targets
from forgather_lint.engines.patterns import UnreadablePattern, compile_pattern
from forgather_lint.engines.registry import launches
from forgather_lint.forgather.builtins import template_globals
from forgather_lint.forgather.document import read_document
from forgather_lint.forgather.library import Fence, SearchPath, TemplateFile, TemplateLibrary
from forgather_lint.forgather.render import render
from forgather_lint.forgather.syntax import read_templates
from forgather_lint.linting.suppressions import suppressions
from forgather_lint.model.analysis import builder_of
from forgather_lint.model.build import ModelBuilder
from forgather_lint.python.interpreter.budget import BudgetExceeded
from forgather_lint.python.interpreter.frame import Frame, Raised
from forgather_lint.python.values.objects import Namespace, Scope
from forgather_lint.shell import configuration
from tests.fuzz import texts, trees, values
from tests.fuzz.expressions import expression, program
from tests.fuzz.templates import template
from tests.fuzz.texts import mutated, pieces_of, window

Make = Callable[[str, int], list[str]]
"""Makes `count` inputs for a seed, the same ones every time."""


def _nothing(_: str) -> None:
    pass


@record
class Kind:
    """One kind of input. `seconds` is the limit for one, `share` its part of a long run."""

    name: str
    make: Make
    read: Callable[[str], str]
    sentinel: str
    share: float
    seconds: float = 5.0
    batch: int = 400
    prepare: Callable[[str], None] = _nothing
    """Writes the files that `read` is to find."""


def _each(make: Callable[[Random], str]) -> Make:
    def many(seed: str, count: int) -> list[str]:
        random = Random(seed)
        return [make(random) for _ in range(count)]

    return many


def _python(random: Random) -> str:
    known = pieces_of("fixtures/models/*/*.py") + pieces_of("rules/**/*.py", 60)
    return mutated(random, window(random, known), texts.PYTHON_PIECES)


def _read_python(text: str) -> str:
    try:
        file = parse_python("m.py", text)
    except SourceError as error:
        return error.message
    for node in file.tree.body[:3]:
        _ = file.span(node)
    return f"{len(file.tree.body)} statements"


def _comments(random: Random) -> str:
    suffix = random.choice((".py", ".yaml"))
    known = pieces_of("fixtures/models/*/*.py") + pieces_of("fixtures/forgather/**/*.yaml")
    pieces = (*texts.PYTHON_PIECES, *texts.YAML_PIECES)
    return f"a{suffix}\n{mutated(random, window(random, known) + '# noqa', pieces)}"


def _read_comments(text: str) -> str:
    name, _, rest = text.partition("\n")
    return f"{len(suppressions(name, rest))} suppressions"


def _documents(seed: str, count: int) -> list[str]:
    random = Random(seed)
    made = values.documents(seed, count)
    return [
        mutated(random, each[:4_000], texts.YAML_PIECES) if random.random() < 0.4 else each
        for each in made
    ]


def _read_config(text: str) -> str:
    try:
        file = parse_config("config.json", text)
    except SourceError as error:
        return error.message
    for key in list(file.values)[:5]:
        assert file.place(key).span
        assert file.key_place(key).span
    return f"{len(list(file.repeated()))} repeated"


def _toml(random: Random) -> str:
    known = ('[tool.forgather-lint]\nselect = ["FGL1"]\njobs = 2\n', *pieces_of("pyproject.toml"))
    return mutated(random, window(random, known), texts.TOML_PIECES)


_room = Path(tempfile.gettempdir())


def work_in(folder: Path) -> None:
    """From now on, files of inputs are written below `folder`."""
    global _room
    _room = folder


def _folder() -> Path:
    """The folder of this process."""
    folder = _room / str(os.getpid())
    folder.mkdir(exist_ok=True)
    return folder


def _write_toml(text: str) -> None:
    (_folder() / "a.toml").write_bytes(text.encode("utf-8", "surrogatepass"))


def _read_toml(_: str) -> str:
    file = _room / str(os.getpid()) / "a.toml"
    try:
        configuration.resolve(file, {})
    except SettingsError as error:
        return str(error).replace(str(file), "FILE")
    return "settings"


def _requirements(seed: str, count: int) -> list[str]:
    return values.drawn(values.REQUIREMENTS, seed, count)


def _read_requirement(text: str) -> str:
    try:
        return f"{len(chosen_targets((text,)).targets)} targets"
    except SettingsError as error:
        return str(error)


def _options(seed: str, count: int) -> list[str]:
    random = Random(seed)
    return [f"{random.choice(_OPTIONS)}={each}" for each in values.drawn(values.SIZES, seed, count)]


_OPTIONS = ("tensor_parallel_size", "max_model_len", "jobs", "time_limit", "memory_limit", "dtype")


def _read_option(text: str) -> str:
    """Only values come from outside: what is no name stands for one of them."""
    name, _, value = text.partition("=")
    name = name if name in _OPTIONS else _OPTIONS[len(name) % len(_OPTIONS)]
    try:
        return type(configuration.option(name, value)).__name__
    except SettingsError as error:
        return str(error)


_PATTERN_PIECES = (
    *(
        "layers",
        ".",
        "*",
        ".*",
        "\\*",
        "\\\\*",
        "\\\\",
        "q_proj",
        "(",
        ")",
        "[",
        "]",
        "a",
        "+",
        "?",
    ),
    *(
        "{3}",
        "{1,}",
        "|",
        "^",
        "$",
        "\\d",
        "\\w+",
        "[a-z]",
        "(?:",
        "(?=",
        "(?i)",
        "\\1",
        ")+",
        ")*",
    ),
    *("x", "0", "-", "_", "*?", "++", "[^", "\\", "\n", "é", "[[", "&&", "(?P<a>", "(?#", "\\b"),
)
_NAMES = ("layers.0.self_attn.q_proj", "layers.0." + "\\" * 60, "a" * 200, "layers." * 30, "")


def _pattern(random: Random) -> str:
    pieces = [random.choice(_PATTERN_PIECES) for _ in range(random.randint(1, 12))]
    return "".join(pieces) + random.choice(_PATTERN_PIECES) * random.choice((0, 0, 1, 30))


def _read_pattern(text: str) -> str:
    pattern = compile_pattern(text)
    if isinstance(pattern, UnreadablePattern):
        return pattern.reason
    return " ".join(str(pattern.matches(name)) for name in _NAMES)


def _template(random: Random) -> str:
    if random.random() < 0.7:
        return template(random)
    known = pieces_of("fixtures/forgather/**/*.yaml")
    return mutated(
        random, window(random, known), (*texts.YAML_PIECES, "{{ x }}", "{% if %}", "-- ")
    )


class _InMemory(TemplateLibrary):
    """Templates that are in no file."""

    def __init__(self, texts: dict[str, str]) -> None:
        super().__init__()
        self.texts = texts

    def read(self, path: Path) -> TemplateFile | None:
        text = self.texts.get(path.name)
        return None if text is None else TemplateFile(path, text, read_templates(text))


class _SearchPath(SearchPath):
    def find_file(self, name: str) -> TemplateFile | None:
        return self.library.read(Path(name))


@cache
def _globals() -> dict[str, object]:
    return template_globals(Path("/project"), Path("/project"))


def _read_template(text: str) -> str:
    other = {
        "config.yaml": text.replace("\r", "\n"),
        "other.yaml": "x: 1\n-- block a\n-- endblock\n",
    }
    search = _SearchPath([Path("/project")], Fence((Path("/project"),)), _InMemory(other))
    rendering = render(search, "config.yaml", _globals())
    document = read_document(rendering)
    if document.fault is not None:
        return f"{document.fault.kind.name}: {document.fault.message}"
    return "rendered"


def _yaml(random: Random) -> str:
    known = pieces_of("fixtures/forgather/**/*.yaml")
    return mutated(random, window(random, known), texts.YAML_PIECES)


def _read_yaml(text: str) -> str:
    # Jinja is left out: braces and percent signs would mean something to it.
    return _read_template("{% raw %}" + text.replace("{%", "{ %") + "{% endraw %}")


_IMPORTS = (
    "import math, itertools, functools, operator, collections, copy, re, json, os, datetime, time\n"
    "import random, torch\nfrom torch import nn\nfrom torch.nn import functional as F\n"
    "x = 3\ny = [1, 2]\nz = 'abc'\nn = None\nt = (1, 2)\nd = {'a': 1}\nl = [[1], [2]]\ns = 1.5\n"
    "def f(*a, **k): return a\n"
)


@cache
def _workshop() -> tuple[ModelBuilder, Namespace]:
    """A builder whose machine has run the imports that expressions need."""
    sources = Sources({}, {"m": _IMPORTS})
    builder = builder_of(ModelInput("m", sources, None))
    space = builder.loader.load(builder.machine, "model.m")
    assert isinstance(space, Namespace)
    return builder, space


def _read_program(text: str) -> str:
    builder, space = _workshop()
    try:
        file = parse_python("m.py", text)
    except SourceError as error:
        return error.message
    names = dict(space.globals)
    frame = Frame(Scope(names, None, space), file)
    try:
        with deep_recursion(), builder.machine.undone_run():
            builder.machine.execute(file.tree.body, frame)
            return type(names.get("r")).__name__
    except Raised as error:
        return f"{error.kind}: {error.text}"
    except BudgetExceeded as error:
        return error.reason
    except RecursionError:
        return "recursion"  # `contained` makes a value of it


_SOURCES = "fixtures/models/hf_*/modeling_*.py"
_MODEL = "hf_llama"


@cache
def _model(name: str) -> tuple[dict[str, str], str]:
    """The sources of a shipped model by module, and its config."""
    folder = texts.ROOT / "fixtures" / "models" / name
    files = {path.stem: path.read_text("utf-8") for path in sorted(folder.glob("*.py"))}
    config = json.loads((folder / "config.json").read_text("utf-8")) | {"num_hidden_layers": 2}
    return files, json.dumps(config)


def _source(random: Random) -> str:
    sources = [trees.grown(text) for text in pieces_of(_SOURCES)]
    own = _model(_MODEL)[0]
    name = random.choice(sorted(own))
    others = random.sample(sources, 2)
    return f"{name}\n{trees.changed(random, trees.grown(own[name]), others)}"


def _read_source(text: str) -> str:
    name, _, source = text.partition("\n")
    files, config = _model(_MODEL)
    return _checked(files | {name: source}, config)


def _configs(seed: str, count: int) -> list[str]:
    return values.configs(_MODEL, seed, count)


def _read_configured(text: str) -> str:
    return _checked(_model(_MODEL)[0], text)


def _checked(files: dict[str, str], config: str) -> str:
    """The codes of the findings of `check` in a model of these files, sorted."""
    settings = Settings(debug=True, target=("vllm==0.32",))
    sources = Sources({}, files)
    try:
        model = ModelInput("model", sources, parse_config("config.json", config))
    except SourceError as error:
        return error.message
    facts, read = pipeline.facts_of_model(model, settings)
    report = pipeline.report("model", facts, read, settings)
    for each in report.diagnostics:
        printable(each.message)
    return " ".join(sorted({each.code for each in report.diagnostics})) or "nothing"


def _bytes(random: Random) -> str:
    """The name of a file, and its bytes as characters."""
    files, config = _model(_MODEL)
    names = {f"{name}.py": text for name, text in files.items()} | {"config.json": config}
    name = random.choice(sorted(names))
    data = bytearray(names[name].encode())
    for _ in range(random.choice((1, 2, 5, 50))):
        at = random.randrange(len(data))
        data[at : at + random.choice((0, 1, 1, 9))] = random.randbytes(random.choice((0, 1, 1, 9)))
    return f"{name}\n{bytes(data).decode('latin-1')}"


def _write_bytes(text: str) -> None:
    name, _, data = text.partition("\n")
    files, config = _model(_MODEL)
    names = {f"{each}.py": own for each, own in files.items()} | {"config.json": config}
    for each, own in names.items():
        written = data.encode("latin-1") if each == name else own.encode()
        (_folder() / each).write_bytes(written)


def _read_bytes(_: str) -> str:
    candidate = Candidate(_room / str(os.getpid()))
    report = pipeline.check_model(candidate, Settings(debug=True, target=("vllm==0.32",)))
    if report is None:
        return "no model"
    return " ".join(sorted({each.code for each in report.diagnostics})) or "nothing"


def _header(random: Random) -> str:
    """The bytes of a safetensors file as characters: a header, or a damaged one."""
    shapes = [[random.choice(_SIZES) for _ in range(random.randint(0, 4))] for _ in range(3)]
    at, said = 0, dict[str, object]()
    for number, shape in enumerate(shapes[: random.randint(0, 3)]):
        size = 2 * math.prod(shape)
        said[f"layers.{number}.weight"] = {
            "dtype": random.choice(("BF16", "F16", "F4", "U8", "Q", "")),
            "shape": shape,
            "data_offsets": [at, at + size],
        }
        at += size
    text = json.dumps(said)
    if random.random() < 0.6:
        text = mutated(random, text, texts.YAML_PIECES)
    data = text.encode("utf-8", "surrogatepass")
    length = random.choice((len(data), len(data), len(data) + 1, 0, 2**32, 2**63))
    rest = b"\0" * min(at, 2_000)
    return (length.to_bytes(8, "little") + data + rest).decode("latin-1")


_SIZES = (0, 1, 2, 64, 2**31, 2**63, 10**30)


def _write_header(text: str) -> None:
    (_folder() / "model.safetensors").write_bytes(text.encode("latin-1", "replace"))


def _read_header(_: str) -> str:
    found = header_of(_room / str(os.getpid()) / "model.safetensors")
    if isinstance(found, Header):
        return f"{sum(each.bytes for each in found.tensors.values()) >= 0} tensors"
    return found.why or str(getattr(found, "said", ""))


COMMAND_KINDS = ("shell", "docker", "make", "yaml")


def _command(random: Random) -> str:
    kind = random.choice(COMMAND_KINDS)
    words = [random.choice(texts.COMMAND_PIECES) for _ in range(random.randint(1, 25))]
    start = random.choice(("vllm serve ", "", 'CMD ["vllm", "serve", ', "\tvllm serve ", "args: ["))
    return f"{kind}\n{start}{''.join(words)}"


def _read_commands(text: str) -> str:
    kind, _, rest = text.partition("\n")
    kind = kind if kind in COMMAND_KINDS else "shell"
    names = {"shell": "a.sh", "docker": "Dockerfile", "make": "Makefile", "yaml": "a.yaml"}
    path = f"/nowhere/{names[kind]}"
    found = [each for launch in launches() for each in commands_in(path, rest, kind, launch)]
    settings = Settings(debug=True, target=("vllm==0.32",))
    report = pipeline.report_of_commands(found, path, Path("/nowhere"), settings, judged=False)
    return " ".join(sorted({each.code for each in report.diagnostics})) or f"{len(found)} commands"


KINDS: Sequence[Kind] = (
    Kind("python", _each(_python), _read_python, "x = 1\n", 0.12),
    Kind("comments", _each(_comments), _read_comments, "a.py\nx = 1  # noqa\n", 0.08),
    Kind("json", _documents, _read_config, '{"a": 1}', 0.04),
    Kind("toml", _each(_toml), _read_toml, "jobs = 2\n", 0.08, prepare=_write_toml),
    Kind("requirement", _requirements, _read_requirement, "vllm==0.32", 0.01),
    Kind("option", _options, _read_option, "jobs=2", 0.04),
    Kind("pattern", _each(_pattern), _read_pattern, "layers.*.q_proj", 0.26),
    Kind("template", _each(_template), _read_template, "a: {{ 1 + 1 }}\n", 0.03, batch=100),
    Kind("yaml", _each(_yaml), _read_yaml, "a: 1\n", 0.04, batch=100),
    Kind("expression", _each(lambda r: f"r = {expression(r)}"), _read_program, "r = 1 + 1", 0.235),
    Kind("header", _each(_header), _read_header, "", 0.02, prepare=_write_header),
    Kind("command", _each(_command), _read_commands, "shell\nvllm serve .", 0.02),
    Kind("program", _each(program), _read_program, "r = 1\n", 0.02, 10.0, 200),
    Kind("source", _each(_source), _read_source, "x\nx = 1\n", 0.002, 60.0, 10),
    Kind("config", _configs, _read_configured, "{}", 0.001, 60.0, 10),
    Kind("bytes", _each(_bytes), _read_bytes, "x.py\n", 0.002, 60.0, 10, _write_bytes),
)
"""All kinds; the shares are of a run's inputs, and most of its time goes to the last three."""

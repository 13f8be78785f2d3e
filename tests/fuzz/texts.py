"""Pieces of real texts, cut and put together in ways that their readers do not expect."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from random import Random

ROOT = Path(__file__).parents[2]
_MOST_LINES = 25

PYTHON_PIECES = (
    *("(", ")", "[", "]", "{", "}", "not ", "lambda: ", "lambda a, b: ", "\\\n", "\\\nnot ", "+1"),
    *("**1", "-", "~", "f'{", "}'", 'f"{', '}"', "'''", '"""', "'", '"', "\\", "{{", "}}", ":"),
    *(";", ",", "# noqa", "# noqa: FGL101\n", "# forgather-lint: ignore[", "\n", "\r", "\t", "\f"),
    *("if x: ", "else: ", "elif y:\n    pass\n", "x if y else ", "await ", "yield ", "*", "@", "!"),
    *("def f(): ", "class A: ", "for x in y: ", "with x: ", "try:\n", "\x00", "\ufeff", "\ud7ff"),
    *("\u2028", "\x1b[31m", "1_000", "0x", "0o8", "1e", ".", "...", ":=", "->", "rb'", "t'{"),
    *("x[", ".a", "(a,)", "f'{1:{2}}'", "\\N{DASH}", " " * 50, "async ", "global x", "del x"),
    *("match x:\n  case ", "import ", "from . import ", "type X = ", "print x", "exec 'a'"),
)
YAML_PIECES = (
    *("[", "]", "{", "}", "- ", ": ", "? ", "&a ", "*a", "<<: ", "!x ", "!!python/name:os.system "),
    *("| ", "> ", "#", " # noqa", "'", '"', "\n", "\n  ", "\t", "---\n", "...\n", "%YAML 1.1\n"),
    *(
        "null",
        "~",
        "1e999",
        "0x",
        "2001-01-01",
        "=",
        ",",
        "a: ",
        "!singleton:a:b ",
        "!factory:x:y ",
    ),
    *("!call:x ", "!lambda:x ", "!var 'a'", "!partial:", "!list ", "!dict ", "\x00", "\ufeff"),
)
TOML_PIECES = (
    *("[", "]", "[[", "]]", "{", "}", "=", '"', "'", '"""', "\n", ",", ".", "#", "a", "1", "a.a."),
    *("1979-01-01", "inf", "nan", "0x", "1e400", "true", "\\u", "[tool.forgather-lint]\n"),
    *('select = ["FGL"]\n', "jobs = 2\n", "target = ", "exclude = ", "per-file-ignores = {"),
)
COMMAND_PIECES = (
    *(
        " ",
        " ",
        "  ",
        "\n",
        "\\\n",
        "\t",
        '"',
        "'",
        "`",
        "$(",
        ")",
        "${X}",
        "${X:-1}",
        "$((1+",
        "$X",
    ),
    *("&&", "||", ";", "|", ">", "<<EOF\n", "EOF\n", "&", "#", "{", "}", "[", "]", ",", "=", "\\"),
    *("vllm serve ", "python -m vllm.entrypoints.openai.api_server ", "exec ", "env A=1 ", "sudo "),
    *("--tensor-parallel-size", "-tp", "--model", "--config", "--pipeline-parallel-size=2", "2"),
    *(
        "--max-model-len",
        "1.5k",
        "1K",
        "--no-",
        "--enable-lora",
        "-O",
        "-O.mode=3",
        "--a.b.c",
        "--",
    ),
    *("--compilation-config", '{"mode": 3}', "'{", "}'", "/models/x", ".", "nan", "1e999", "-1"),
    *("FROM vllm/vllm-openai:v0.32.0\n", "ENTRYPOINT ", "CMD ", "RUN ", "ENV A=1\n", "ARG B\n"),
    *("X=1\n", "export Y=2\n", "for x in 1 2; do ", "done\n", "if true; then ", "fi\n", "f() {"),
    *(
        "image: vllm/vllm-openai:latest\n",
        "command: ",
        "args:\n  - ",
        "containers:\n",
        "- run: |\n  ",
    ),
    *("$(MAKE)", "$$", "all:\n\t", "VAR := ", "\x00", "\ufeff", "\ud800", "\u2028", "9" * 400),
)


@cache
def pieces_of(pattern: str, most: int = 200) -> tuple[str, ...]:
    """The texts of the files below the repository that match `pattern`, in a stable order."""
    files = sorted(
        each for each in ROOT.glob(pattern) if "fuzz" not in each.relative_to(ROOT).parts
    )
    return tuple(path.read_text("utf-8") for path in files[:most])


def window(random: Random, texts: Sequence[str]) -> str:
    """Some consecutive lines of one of `texts`."""
    lines = random.choice(texts).splitlines(keepends=True)
    start = random.randrange(max(1, len(lines)))
    return "".join(lines[start : start + random.randint(1, _MOST_LINES)])


def mutated(random: Random, text: str, pieces: Sequence[str]) -> str:
    """`text` after some cuts, copies and insertions; sometimes one piece is inserted many times."""
    for _ in range(random.choice((1, 1, 2, 3, 6))):
        text = _changed(random, text, pieces)
    return text


def _changed(random: Random, text: str, pieces: Sequence[str]) -> str:
    start, end = sorted(random.randrange(len(text) + 1) for _ in range(2))
    end = min(end, start + random.choice((1, 5, 50, 500)))
    form = random.randrange(8)
    if form == 0:
        return text[:start] + text[end:]
    if form == 1:
        return text[:end] + text[start:end] * random.choice((1, 2, 10)) + text[end:]
    if form == 2:
        other = random.randrange(len(text) + 1)
        return text[:other] + text[start:end] + text[other:]
    if form == 3:
        return text[:start] + chr(random.choice((0, 9, 10, 13, 34, 39, 92, 127, 8232))) + text[end:]
    if form == 4:
        count = random.choice((10, 60, 101, 400, 1_200, 3_000))
        return text[:start] + random.choice(pieces) * count + text[start:]
    if form == 5:
        many = "".join(random.choice(pieces) for _ in range(random.choice((3, 10, 120))))
        return text[:start] + many + text[start:]
    return text[:start] + random.choice(pieces) + text[end if form == 6 else start :]

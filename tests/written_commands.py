"""The commands that the documents show, and their output, taken from the Markdown.

    python -m tests.written_commands [PAGE...]

runs the commands of the pages and writes their output into them, with `...` kept where a page
leaves lines out; `git diff` then shows what a reader will see. `tests/test_documents.py` compares.

A ```` ```console ```` block has commands behind `$` with their output; a line `...` stands for any
lines. A ```` ```bash ```` block has commands alone.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools import command_line

ROOT = Path(__file__).parent.parent
WANTS_MORE = {"verify": "a Python with vLLM", "target": "the network", "server": "an editor"}
"""Commands that need something that not every machine has."""

PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))

_FENCE = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Command:
    """A command of a page, and the lines that the page shows of its output."""

    page: str
    line: int
    text: str
    shown: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(page: Path, language: str) -> Iterator[tuple[int, str]]:
    """The fences of a language, each with the number of its first line."""
    text = page.read_text("utf-8")
    for found in _FENCE.finditer(text):
        if found[2] == language:
            yield text.count("\n", 0, found.start(3)) + 1, found[3]


def shown_commands(page: Path) -> Iterator[Command]:
    """The commands of the `console` blocks."""
    name = page.relative_to(ROOT).as_posix()
    for first, text in blocks(page, "console"):
        lines = text.splitlines()
        starts = [i for i, line in enumerate(lines) if line.startswith("$ forgather-lint")]
        for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
            last = start
            while lines[last].endswith("\\"):
                last += 1
            command = "\n".join(lines[start : last + 1])[2:]
            yield Command(name, first + start, command, tuple(lines[last + 1 : end]))


def bare_commands(page: Path) -> Iterator[Command]:
    """The commands of the `bash` blocks that call this tool."""
    name = page.relative_to(ROOT).as_posix()
    for first, text in blocks(page, "bash"):
        joined = text.replace("\\\n", "  ")
        for number, line in enumerate(joined.splitlines()):
            if line.startswith("forgather-lint "):
                yield Command(name, first + number, line)


def wants(command: Command) -> str | None:
    """What a command needs that not every machine has."""
    return WANTS_MORE.get(command.text.split()[1])


def workplace(folder: Path) -> Path:
    """A folder with what the commands expect: the shipped models, and a trained model.

    The trained model is the one with the planted fault, at the path that the pages use.
    """
    models = ROOT / "fixtures" / "models"
    shutil.copytree(models, folder / "fixtures" / "models")
    shutil.copytree(models / "broken_llama", folder / "output_models" / "my_model")
    shutil.copytree(models / "broken_llama", folder / "broken_llama")
    program = folder / "bin" / "forgather-lint"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m forgather_lint "$@"\n', "utf-8")
    program.chmod(0o755)
    return folder


def run(command: Command, folder: Path) -> tuple[int, list[str]]:
    """The exit code of a command and the lines that it prints, on both streams."""
    environment = os.environ | {
        "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "FORGATHER_LINT_CACHE_DIR": str(ROOT / "fixtures"),
        "FORGATHER_LINT_NO_CACHE": "1",
        "COLUMNS": "100",
    }
    done = subprocess.run(
        ["bash", "-c", command.text],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )
    return done.returncode, [line.rstrip() for line in done.stdout.splitlines()]


def alike(shown: Sequence[str], printed: Sequence[str]) -> bool:
    """Whether a page shows what is printed; a line `...` stands for any lines."""
    if not shown:
        return not printed
    if shown[0].strip() == "...":
        return any(alike(shown[1:], printed[skipped:]) for skipped in range(len(printed) + 1))
    return bool(printed) and shown[0] == printed[0] and alike(shown[1:], printed[1:])


def refresh(page: Path) -> None:
    """Write what its commands print now into a page, but for those that leave lines out."""
    import tempfile

    text = page.read_text("utf-8")
    with tempfile.TemporaryDirectory() as temporary:
        folder = workplace(Path(temporary).resolve())
        for command in shown_commands(page):
            if wants(command) or "..." in (line.strip() for line in command.shown):
                continue
            _, printed = run(command, folder)
            before = "\n".join((f"$ {command.text}", *command.shown))
            text = text.replace(before, "\n".join((f"$ {command.text}", *printed)))
    page.write_text(text, "utf-8")


if __name__ == "__main__":
    parser = command_line.parser(__doc__)
    parser.add_argument("pages", nargs="*", type=Path, metavar="PAGE")
    for each in parser.parse_args().pages or PAGES:
        refresh(each.resolve())

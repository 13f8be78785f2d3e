"""Reads the Markdown suites below `fixtures/rules`.

Below the title stand `Codes:` (what the suite tests; other findings are not looked at) and
optionally `Model:` (a section of `models.md` to start from). Every `##` heading is a case, every
fence with a file name is a file of a model folder:

    ```py modeling_x.py
    plan = {"a": "colwsie"}  # error: [FGL102] "part of the message"
    ```

An expectation on a line of its own is for the line that follows. JSON has no comments, so a list
stands below the fence: `expect: 3 warning [FGL106] "stands twice"`. A fence with `(fixed)` behind
the file name shows the file, without such comments, after all fixes. A case without expectations
finds nothing.

Below the heading of a case may stand what is asked for on the command line: `Target: vllm==0.32
transformers==5.19` (on one line), `Max-model-len: 4096`, `Sizes: 2 4` (ranks), `Stages: 2`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from forgather_lint.settings import Settings

_HEADING = re.compile(r"^## (.+)\n", re.MULTILINE)
_FENCE = re.compile(
    r"^```\w+ (?P<file>\S+)(?P<fixed> \(fixed\))?\n(?P<text>.*?)^```\n"
    r"(?P<below>(?:\nexpect: [^\n]+\n(?:expect: [^\n]+\n)*)?)",
    re.MULTILINE | re.DOTALL,
)
_FINDING = r"(?P<severity>error|warning|info):? \[(?P<code>\w+)\] \"(?P<text>[^\"]*)\""
_COMMENT = re.compile(rf"# {_FINDING}")
_BELOW = re.compile(rf"expect: (?P<row>\d+) {_FINDING}")


@dataclass(frozen=True, slots=True, order=True)
class Expected:
    """One finding that a case expects; `text` is part of its message."""

    file: str
    row: int
    severity: str
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Case:
    """One model folder and what is to be found in it."""

    suite: Path
    name: str
    codes: tuple[str, ...]
    files: Mapping[str, str]
    expected: tuple[Expected, ...] = ()
    fixed: Mapping[str, str] = field(default_factory=dict)
    settings: Settings = field(default_factory=Settings)

    def __str__(self) -> str:
        return f"{self.suite.stem}: {self.name}"

    def write(self, folder: Path) -> None:
        """Write the files of the model, with their expectations as comments."""
        for name, text in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")


def read_cases(suite: Path) -> Iterator[Case]:
    """The cases of one Markdown file."""
    head, *parts = _HEADING.split(suite.read_text("utf-8"))
    codes = tuple(_front("Codes", head).replace(",", " ").split())
    model = _front("Model", head)
    shared = _model(suite.parent.parent / "models.md", model) if model else {}
    for name, body in zip(parts[::2], parts[1::2], strict=True):
        fences = list(_FENCE.finditer(body))
        files = {fence["file"]: fence["text"] for fence in fences if not fence["fixed"]}
        fixed = {fence["file"]: fence["text"] for fence in fences if fence["fixed"]}
        expected = tuple(found for fence in fences for found in _expected(fence))
        settings = _settings(body.partition("```")[0])
        yield Case(suite, name, codes, {**shared, **files}, expected, fixed, settings)


def without_expectations(text: str) -> str:
    """`text` less the comments that say what is to be found."""
    return re.sub(rf"(?m)[ ]*{_COMMENT.pattern}$", "", text)


def _model(file: Path, name: str) -> dict[str, str]:
    sections = _HEADING.split(file.read_text("utf-8"))[1:]
    body = dict(zip(sections[::2], sections[1::2], strict=True))[name]
    return {fence["file"]: fence["text"] for fence in _FENCE.finditer(body)}


def _settings(prose: str) -> Settings:
    """What the text between the heading of a case and its first file asks for."""
    return Settings(
        target=tuple(_front("Target", prose).split()),
        tensor_parallel_size=tuple(map(int, _front("Sizes", prose).split())),
        pipeline_parallel_size=tuple(map(int, _front("Stages", prose).split())),
        max_model_len=int(_front("Max-model-len", prose) or 0) or None,
        debug=True,
    )


def _front(key: str, head: str) -> str:
    found = re.search(rf"^{key}: (.+)$", head, re.MULTILINE)
    return found[1] if found else ""


def _expected(fence: re.Match[str]) -> Iterator[Expected]:
    if fence["fixed"]:
        return
    for row, line in enumerate(fence["text"].splitlines(), start=1):
        alone = line.lstrip().startswith("#")
        for found in _COMMENT.finditer(line):
            yield _finding(fence["file"], row + alone, found)
    for found in _BELOW.finditer(fence["below"]):
        yield _finding(fence["file"], int(found["row"]), found)


def _finding(file: str, row: int, found: re.Match[str]) -> Expected:
    return Expected(file, row, found["severity"], found["code"], found["text"])

"""Reads the Markdown suites below `fixtures/rules`: CONTRIBUTING describes how they are written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from forgather_lint.core.settings import Device, ModelImpl, Settings
from tests import stored_tensors
from tests.changes import ChangeFailed, changed

MODELS = "models.md"
"""The file of the models that cases start from."""

RULES = Path(__file__).parents[1] / "fixtures" / "rules"

_HEADING = re.compile(r"^## (.+)\n", re.MULTILINE)
_FENCE = re.compile(
    r"^```(?P<language>\w+) (?P<file>\S+)(?: \((?P<how>fixed|merge)\))?\n(?P<text>.*?)^```\n"
    r"(?P<below>(?:\nexpect: [^\n]+\n(?:expect: [^\n]+\n)*)?)",
    re.MULTILINE | re.DOTALL,
)
_FINDING = (
    r"(?P<severity>error|warning|info):?(?: (?P<column>\d+))? \[(?P<code>\w+)\]"
    r"(?: \"(?P<text>[^\"]*)\")?"
)
_UNNAMED = re.sub(r"\?P<\w+>", "?:", _FINDING)
_COMMENTS = {
    mark: re.compile(rf"(?:[ ]*{mark} {_UNNAMED})+$", re.MULTILINE) for mark in ("##?", "//")
}
_BELOW = re.compile(rf"expect: (?P<row>\d+) {_FINDING}")


class SuiteError(Exception):
    """A suite cannot be read; the text says where and why."""


@dataclass(frozen=True, slots=True, order=True)
class Expected:
    """One finding that a case expects; `text` is part of its message, column 0 means any column."""

    file: str
    row: int
    severity: str
    code: str
    text: str
    column: int = 0


@dataclass(frozen=True, slots=True)
class Case:
    """One model folder, and the findings that are expected in it."""

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
        """Write the files of the model; a line that only states an expectation is left empty."""
        for name, text in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix == stored_tensors.SUFFIX and stored_tensors.is_listing(text):
                stored_tensors.write(text, path)
            else:
                path.write_text(text, "utf-8")


@dataclass(frozen=True, slots=True)
class _Section:
    """The text below one heading; `row` is the line on which `body` begins."""

    suite: Path
    name: str
    body: str
    row: int

    @property
    def prose(self) -> str:
        """The text before the first file."""
        return self.body.partition("```")[0]

    @property
    def fences(self) -> Iterator[re.Match[str]]:
        """The files, as `_FENCE` reads them."""
        fences = list(_FENCE.finditer(self.body))
        if len(re.findall("^```", self.body, re.MULTILINE)) != 2 * len(fences):
            raise SuiteError(f"{self.suite}:{self.row}: a fence has no end or no file name")
        yield from fences

    def row_of(self, fence: re.Match[str]) -> int:
        """The line on which the text of a fence begins."""
        return self.row + self.body.count("\n", 0, fence.start("text"))


def read_cases(suite: Path) -> Iterator[Case]:
    """The cases of one Markdown file."""
    head, *sections = _sections(suite)
    codes = tuple(_front("Codes", head.prose).replace(",", " ").split())
    shared = _files(head, _model(head))
    for section in sections:
        left_out = _front("Without", section.prose).split()
        model = _model(section) or shared
        kept = {name: text for name, text in model.items() if name not in left_out}
        marked = _files(section, kept)
        files = {name: without_expectations(text, name) for name, text in marked.items()}
        yield Case(
            suite,
            section.name,
            codes,
            files,
            tuple(each for name, text in marked.items() for each in _expected(name, text))
            + tuple(each for fence in section.fences for each in _expected_below(fence)),
            _files(section, marked, fixed=True),
            _settings(section.prose, head.prose),
        )


def model_files(name: str) -> dict[str, str]:
    """The files of a model that cases start from."""
    sections = {each.name: each for each in _sections(RULES / MODELS)}
    return _model(sections[name]) | _files(sections[name], _model(sections[name]))


def without_expectations(text: str, name: str = "") -> str:
    """The text of the file `name` less the comments that say what is to be found."""
    return _comments(name).sub("", text)


def _sections(file: Path) -> Iterator[_Section]:
    """What stands above the first `##` of a Markdown file, and below each."""
    text = file.read_text("utf-8")
    headings = list(_HEADING.finditer(text))
    ends = [heading.start() for heading in headings] + [len(text)]
    yield _Section(file, "", text[: ends[0]], 1)
    for heading, end in zip(headings, ends[1:], strict=True):
        row = 1 + text.count("\n", 0, heading.end())
        yield _Section(file, heading[1], text[heading.end() : end], row)


def _model(section: _Section) -> dict[str, str]:
    """The files of the shared model that a section names, which may itself be based on another."""
    name = _front("Model", section.prose)
    file = section.suite
    models = _sections(file if file.name == MODELS else file.parent.parent / MODELS)
    found = (_files(each, _model(each)) for each in models if each.name == name)
    return next(found, {}) if name else {}


def _files(section: _Section, files: Mapping[str, str], *, fixed: bool = False) -> dict[str, str]:
    """`files` after the changes of a section.

    With `fixed` only those that it shows after all fixes.
    """
    found = dict(files)
    shown = {}
    for fence in section.fences:
        if (fence["how"] == "fixed") is fixed:
            found[fence["file"]] = shown[fence["file"]] = _text(section, fence, found)
    return shown if fixed else found


def _text(section: _Section, fence: re.Match[str], files: Mapping[str, str]) -> str:
    """The text of the file in a fence, where `files` are those before it."""
    name, row = fence["file"], section.row_of(fence)
    if fence["language"] != "diff" and fence["how"] != "merge":
        return fence["text"]
    if name not in files:
        raise SuiteError(f"{section.suite}:{row}: changes {name}, which is not there")
    old = without_expectations(files[name], name) if fence["how"] == "fixed" else files[name]
    try:
        if fence["how"] == "merge":
            return _merged(old, fence["text"])
        return changed(
            old, fence["text"], row=row, plain=lambda line: without_expectations(line, name)
        )
    except (ChangeFailed, ValueError) as error:
        raise SuiteError(f"{section.suite}:{row}: {name}: {error}") from error


def _merged(old: str, change: str) -> str:
    """The JSON object `old` with the keys of `change`, keeping comments behind its lines."""
    values = json.loads(without_expectations(change, ".json"))
    merged = json.dumps(_overlaid(json.loads(old), values), indent=2) + "\n"
    for comment in _comments(".json").finditer(change):
        line = change[: comment.start()].rpartition("\n")[2]
        key, _, _ = line.partition(":")
        places = list(re.finditer(rf"^ *{re.escape(key.strip())}:.*", merged, re.MULTILINE))
        if len(places) != 1:
            raise ValueError(f"{len(places)} lines for the expectation at {key.strip()}")
        merged = merged[: places[0].end()] + comment[0] + merged[places[0].end() :]
    return merged


def _overlaid(old: object, new: object) -> object:
    """`new`, with those keys of `old` that it does not have."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    return old | {key: _overlaid(old.get(key), value) for key, value in new.items()}


def _settings(*proses: str) -> Settings:
    """The settings that the proses ask for; the first of them to mention a setting decides it."""

    def asked(key: str) -> str:
        return next(filter(None, (_front(key, prose) for prose in proses)), "")

    return Settings(
        target=tuple(asked("Target").split()),
        tensor_parallel_size=tuple(map(int, asked("Sizes").split())),
        pipeline_parallel_size=tuple(map(int, asked("Stages").split())),
        max_model_len=int(asked("Max-model-len") or 0) or None,
        model_impl=ModelImpl(asked("Model-impl") or ModelImpl.AUTO),
        dtype=asked("Dtype") or None,
        gpu_memory=int(asked("Gpu-memory")) if asked("Gpu-memory") else None,
        device=Device(context_ranks=int(asked("Context-ranks") or 1)),
        debug=True,
    )


def _front(key: str, head: str) -> str:
    found = re.search(rf"^{key}: (.+)$", head, re.MULTILINE)
    return found[1] if found else ""


def _comments(name: str) -> re.Pattern[str]:
    """The pattern of a comment that states an expectation, in a file of that name."""
    return _COMMENTS["//" if name.endswith(".json") else "##?"]


def _expected(name: str, text: str) -> Iterator[Expected]:
    for row, line in enumerate(text.splitlines(), start=1):
        comments = _comments(name).search(line)
        alone = comments is not None and not line[: comments.start()].strip()
        for found in re.finditer(_FINDING, comments[0] if comments else ""):
            yield _finding(name, row + alone, found)


def _expected_below(fence: re.Match[str]) -> Iterator[Expected]:
    for found in _BELOW.finditer(fence["below"]):
        yield _finding(fence["file"], int(found["row"]), found)


def _finding(file: str, row: int, found: re.Match[str]) -> Expected:
    column = int(found["column"] or 0)
    return Expected(file, row, found["severity"], found["code"], found["text"] or "", column)

"""Random edits as people make them: after each pause the server must say what a cold `check` says.

    python -m tests.random_edits [--count 10000] [--seed 1]

Texts are typed letter by letter, undone, saved, closed; files are written, renamed and deleted
beside the editor. Every run is identified by its seed.
"""

from __future__ import annotations

import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from forgather_lint.core.settings import Settings
from forgather_lint.core.workers import JobLimits, Workers
from forgather_lint.linting.report import ModelReport
from forgather_lint.session import checking
from forgather_lint.session.example import warm_up
from tests.fixture_models import copy_model
from tests.language_client import LanguageClient, Message, editing
from tools import command_line

MODELS = ("broken_llama", "hf_llama")
SNIPPETS = (
    *("colwise", "rowwise", "q_proj", "layers.*.", '"', "'", ",", "(", ")", "\n", "    ", "# noqa"),
    *("self.", "return x", "  # forgather-lint: ignore[FGL101]", "\N{GRINNING FACE}", "é", "\r\n"),
    *('"layers.*.mlp.up_proj": "colwise",\n', "num_key_value_heads", "3", "null", "\f", "\u2028"),
)
WORDS = ("colwise", "rowwise", "gate_porj", "self_attn", "nn.Linear", "embed_tokens", "layers", "8")
LIMITS = JobLimits(120.0, 4 << 30)


class Told(NamedTuple):
    """A finding in the form in which both sides are compared; columns are UTF-16."""

    file: str
    row: int
    column: int
    code: str
    message: str


class Editor:
    """A workspace with some models, a client on it, and a copy with the client's texts."""

    def __init__(self, folder: Path, client: LanguageClient, seed: int) -> None:
        self.random = random.Random(seed)
        self.root = folder / "workspace"
        self.mirror = folder / "mirror"
        self.client = client
        self.undo: dict[Path, list[str]] = {}
        self.away: dict[Path, Path] = {}
        self.done: list[str] = []

    def edit(self) -> None:
        """Do one random thing."""
        kinds: list[tuple[Callable[[], None], int]] = [
            (self.type, 60),
            (self.rub_out, 12),
            (self.swap, 12),
            (self.go_back, 14),
            (self.save, 3),
            (self.close_or_open, 3),
            (self.write_beside, 2),
            (self.move_or_delete, 2),
        ]
        chosen = self.random.choices([k for k, _ in kinds], [weight for _, weight in kinds])[0]
        self.done.append(chosen.__name__)
        chosen()

    def type(self) -> None:
        """Type a snippet, letter by letter."""
        path = self._document()
        if path is None:
            return
        at = self.random.randrange(len(self.client.texts[str(path)]) + 1)
        for letter in self.random.choice(SNIPPETS):
            self._change(path, at, at, letter)
            at += len(letter)

    def rub_out(self) -> None:
        """Delete some letters."""
        path = self._document()
        if path is not None:
            at = self.random.randrange(len(self.client.texts[str(path)]) + 1)
            self._change(path, at, at + self.random.randrange(1, 12), "")

    def swap(self) -> None:
        """Replace one word by another."""
        path = self._document()
        word = self.random.choice(WORDS)
        if path is not None and (at := self.client.texts[str(path)].find(word)) >= 0:
            self._change(path, at, at + len(word), self.random.choice(WORDS))

    def go_back(self) -> None:
        """Return to an earlier text, or to the first."""
        path = self._document()
        if path is not None:
            before = self.undo[path]
            text = before[0] if self.random.random() < 0.6 else self.random.choice(before)
            self.client.change(path, text)

    def save(self) -> None:
        """Save a document."""
        path = self._document()
        if path is not None and path.parent.is_dir():
            path.write_bytes(self.client.texts[str(path)].encode())
            self.client.tell("textDocument/didSave", textDocument={"uri": path.as_uri()})

    def close_or_open(self) -> None:
        """Close or open a document; at least one stays open."""
        path = self.random.choice(sorted(self._files()))
        if str(path) not in self.client.texts:
            if path.is_file():
                self.client.open(path, path.read_bytes().decode())
                self.undo.setdefault(path, [self.client.texts[str(path)]])
        elif len(self.client.texts) > 1:
            self.client.close(path)

    def write_beside(self) -> None:
        """Write a file as another program would: its first text, or with another word in it."""
        path = self.random.choice(sorted(self._files()))
        if path.is_file():
            text = path.read_bytes().decode()
            one, other = self.random.choice(WORDS), self.random.choice(WORDS)
            first = self.undo.get(path, [text])[0]
            new = first if self.random.random() < 0.5 else text.replace(one, other, 1)
            time.sleep(0.01)  # a change that keeps the time of a file is not seen
            path.write_bytes(new.encode())
            self._tell(path, 2)

    def move_or_delete(self) -> None:
        """Delete or rename a file, or restore one."""
        if self.away:
            path, elsewhere = self.away.popitem()
            elsewhere.rename(path)
            self._tell(path, 1)
            return
        path = self.random.choice(sorted(self._files()))
        if path.is_file():
            name = self.random.choice((f"{path.stem}_old{path.suffix}", f"{path.name}.bak"))
            elsewhere = path.with_name(name)
            path.rename(elsewhere)
            self.away[path] = elsewhere
            self._tell(path, 3)
            self._tell(elsewhere, 1)

    def _files(self) -> set[Path]:
        return {*self.root.glob("*/*.py"), *self.root.glob("*/config.json")} | set(self.undo)

    def _document(self) -> Path | None:
        return Path(self.random.choice(sorted(self.client.texts))) if self.client.texts else None

    def _change(self, path: Path, start: int, end: int, new: str) -> None:
        text = self.client.texts[str(path)]
        end = min(end, len(text))
        before, after = self._steady(text, start), self._steady(text, end)
        place = {"start": position(text, before), "end": position(text, after)}
        self.undo[path] = [*self.undo[path], text][:1] + self.undo[path][-20:]
        changed = text[:before] + new + text[after:]
        self.client.change(path, changed, {"range": place, "text": new})

    @staticmethod
    def _steady(text: str, at: int) -> int:
        """`at`, moved out of the two characters of a line end, where no editor has a position."""
        return at - 1 if text[at - 1 : at + 1] == "\r\n" else at

    def _tell(self, path: Path, kind: int) -> None:
        change = {"uri": path.as_uri(), "type": kind}
        self.client.tell("workspace/didChangeWatchedFiles", changes=[change])

    def shown(self) -> set[Told]:
        """The findings that the server has sent, once it has nothing more to send."""
        uri = Path(sorted(self.client.texts)[0]).as_uri()
        start = {"line": 0, "character": 0}
        self.client.ask("textDocument/hover", textDocument={"uri": uri}, position=start)
        return {
            _told(each, self._name(uri))
            for uri, (_, found) in self.client.diagnostics.items()
            for each in found
        }

    def _name(self, uri: str) -> str:
        path = Path(unquote(uri.removeprefix("file://")))
        return path.relative_to(self.root).as_posix() if self.root in path.parents else uri

    def cold(self) -> set[Told]:
        """The findings of a fresh check of the same texts, in documents that are open."""
        shutil.rmtree(self.mirror, ignore_errors=True)
        shutil.copytree(self.root, self.mirror)
        for path, text in self.client.texts.items():
            copy = self.mirror / Path(path).relative_to(self.root)
            copy.write_bytes(text.encode())
        with Workers(1, LIMITS) as workers:
            (reports,) = workers.results([partial(_checked, self.mirror)])
        assert isinstance(reports, tuple), reports
        texts = {each: each.read_bytes().decode() for each in self.mirror.glob("*/*.*")}
        folders = {Path(path).parent.name for path in self.client.texts}
        return {
            each
            for report in reports
            if Path(report.path).relative_to(self.mirror).parts[0] in folders
            for each in _findings(report, self.mirror, texts)
        }


def _checked(folder: Path) -> tuple[ModelReport, ...]:
    return tuple(checking.check([folder], Settings(force_exclude=True)))


def position(text: str, offset: int) -> dict[str, int]:
    """An offset in the protocol's form: rows end with a newline, a carriage return or both."""
    before = text[:offset].replace("\r\n", " \n").replace("\r", "\n")
    line = before.rpartition("\n")[2]
    return {"line": before.count("\n"), "character": len(line.encode("utf-16-le")) // 2}


def _told(found: Message, file: str) -> Told:
    start = found["range"]["start"]
    message = found["message"].partition("\n")[0]
    return Told(file, start["line"], start["character"], found["code"], message)


def _findings(report: ModelReport, root: Path, texts: dict[Path, str]) -> Iterator[Told]:
    from forgather_lint.core.source import ColumnUnit, Lines
    from forgather_lint.shell.server.diagnostics import told

    for each in report.diagnostics:
        path = Path(each.span.path)
        lines = Lines(texts.get(path, "").removeprefix("\ufeff"))
        column = lines.units_before(each.span.start, ColumnUnit.UTF16)
        message = next(iter(told(each))).replace(str(root), str(root.parent / "workspace"))
        inside = root in path.parents
        file = path.relative_to(root).as_posix() if inside else path.absolute().as_uri()
        yield Told(file, each.span.start.row - 1, column, each.code, message)


def run(folder: Path, count: int, seed: int, say: Callable[[str], object] = len) -> int:
    """Make `count` edits with pauses; returns how often the two sides were compared.

    Raises `AssertionError` where they differ.
    """
    root = folder / "workspace"
    for name in MODELS:
        copy_model(name, root)
    warm_up()  # each cold check is a fork of this process, which has seen none of the texts
    compared = 0
    with editing(root) as client:
        editor = Editor(folder, client, seed)
        for path in sorted(editor._files()):
            editor.undo[path] = [path.read_bytes().decode()]
        for name in MODELS:
            client.open(root / name / f"configuration_{name}.py")
        for number in range(count):
            editor.edit()
            if number + 1 < count and editor.random.random() < 0.85:
                continue
            shown, cold = editor.shown(), editor.cold()
            history = ", ".join(editor.done[-12:])
            assert shown == cold, (
                f"seed {seed}, edit {number}: {history}\n{sorted(client.texts)}\n"
                f"only the server: {sorted(shown - cold)}\nonly the check: {sorted(cold - shown)}"
            )
            compared += 1
            client.messages.clear()
            if compared % 50 == 0:
                say(f"{number + 1} edits, {compared} pauses")
    return compared


def main() -> None:
    """Make the edits and say what came of it."""
    parser = command_line.parser(__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()

    def say(text: str) -> None:
        print(text, flush=True)

    with tempfile.TemporaryDirectory() as folder:
        compared = run(Path(folder), chosen.count, chosen.seed, say)
    say(f"{chosen.count} edits, {compared} pauses: the server said what a cold check says")


if __name__ == "__main__":
    main()

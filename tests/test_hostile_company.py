"""Thirty models, ten of them hostile in ten ways: twenty right reports, ten findings, one end."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from forgather_lint.core.workers import CAN_FORK
from forgather_lint.documents import model_input
from forgather_lint.documents.discover import Candidate
from forgather_lint.shell.cli import cli
from tests.fixture_models import copy_model
from tests.test_contained import die, grow, hang, leave, toil

pytestmark = pytest.mark.skipif(not CAN_FORK, reason="there is no fork here")
MODEL = "modeling_hf_llama.py"
GOOD = ("hf_llama", "hf_qk_norm", "hf_tied", "broken_llama")
SECONDS = 150.0
"""Of wall time: three hang or toil until theirs is over, two at a time, on a busy machine."""

Harm = Callable[[Path], object]


def text(name: str, content: str) -> Harm:
    return lambda folder: (folder / name).write_text(content, "utf-8")


def pipe(folder: Path) -> None:
    (folder / "config.json").unlink()
    os.mkfifo(folder / "config.json")


def sparse(folder: Path) -> None:
    with (folder / MODEL).open("wb") as stream:
        stream.truncate(3 << 30)


HARMS: dict[str, Harm] = {
    "brackets": text(MODEL, "x = " + "(" * 5_000 + ")" * 5_000),
    "depth": text("config.json", '{"x": "' + "]" * 99_999 + '", "a": ' + "[" * 99_999),
    "digits": text("config.json", f'{{"model_type": "a", "hidden_size": {"9" * 5_000}}}'),
    "sparse": sparse,
    "bytes": lambda folder: (folder / MODEL).write_bytes(bytes(range(256)) * 50),
}
BOMBS: dict[str, Callable[[], None]] = {
    "die": die,
    "hang": hang,
    "toil": toil,
    "grow": grow,
    "leave": leave,
}
"""Behaviours that no known input causes any more, injected into the reading of a model."""


@pytest.fixture
def bombs(monkeypatch: pytest.MonkeyPatch) -> None:
    real = model_input.open_model

    def opened(candidate: Candidate) -> object:
        if bomb := BOMBS.get(candidate.folder.name.partition("_")[2]):
            bomb()
        return real(candidate)

    monkeypatch.setattr("forgather_lint.pipeline.open_model", opened)


def found_in(*arguments: object) -> tuple[int, dict[str, list[tuple[str, str]]]]:
    """The exit code, and code and message of each finding by the folder of its model."""
    options = ("check", "--isolated", "--output-format", "json", "--target", "vllm==0.32")
    limits = ("--time-limit", "3", "--memory-limit", "0.5")
    ended = CliRunner().invoke(cli, [str(each) for each in (*options, *limits, *arguments)])
    found: dict[str, list[tuple[str, str]]] = {}
    for each in json.loads(ended.stdout):
        path = Path(each["filename"])
        folder = path if path.is_dir() else path.parent
        found.setdefault(folder.name, []).append((each["code"], each["message"]))
    return ended.exit_code, found


@pytest.mark.usefixtures("bombs")
def test_ten_hostile_models_take_nothing_from_twenty_good_ones(tmp_path: Path) -> None:
    hostile = [*HARMS, *BOMBS]
    names = [f"{n:02}_{hostile[n // 3] if n % 3 == 1 else GOOD[n % 4]}" for n in range(30)]
    for name in names:
        kind = name.partition("_")[2]
        source = kind if kind in GOOD else "hf_llama"
        folder = copy_model(source, tmp_path / "made", num_hidden_layers=2)
        folder.rename(tmp_path / name)
        if kind in HARMS:
            HARMS[kind](tmp_path / name)
        elif kind in BOMBS:  # else it is told as one of the good ones, which it is equal to
            file = tmp_path / name / MODEL
            file.write_text(f"{file.read_text('utf-8')}# {kind}\n", "utf-8")
    (tmp_path / "made").rmdir()

    alone = {good: found_in(tmp_path / next(n for n in names if n.endswith(good))) for good in GOOD}
    started = time.monotonic()
    exit_code, found = found_in("-j", 2, tmp_path)
    assert time.monotonic() - started < SECONDS
    assert exit_code == 2
    for name in names:
        kind = name.partition("_")[2]
        if kind in GOOD:
            (expected,) = alone[kind][1].values()
            assert found[name] == expected, name
        else:
            codes = {code for code, _ in found[name]}
            assert codes & ({"FGL997"} if kind in BOMBS else {"FGL900"}), (name, found[name])
            assert not codes & {"FGL998", "FGL999"}, name

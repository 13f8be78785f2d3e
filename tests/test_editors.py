"""Real editors show what the server says: Neovim, Emacs, and the client library of VS Code.

NVIM names a Neovim of 0.11 or later; for VS Code `npm install` has to have run in `editors/vscode`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from rich.text import Text

from tools.editor_picture import FILE, MODEL, frames

pytestmark = pytest.mark.slow
EDITORS = Path(__file__).parent.parent / "editors"
ROOT = EDITORS.parent


@pytest.fixture
def server(tmp_path: Path) -> Path:
    """A command of this checkout, by the name it is installed under."""
    command = tmp_path / "bin" / "forgather-lint"
    command.parent.mkdir()
    command.write_text(
        f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -P -m forgather_lint "$@"\n', "utf-8"
    )
    command.chmod(0o755)
    return command


def test_neovim_shows_findings_and_applies_a_fix() -> None:
    nvim = os.environ.get("NVIM", "nvim")
    if shutil.which(nvim) is None or shutil.which("tmux") is None:
        pytest.skip("no Neovim, or no tmux")
    found, hover, actions, mended = (Text.from_ansi(shown).plain for _, shown in frames(nvim))
    assert found.count("matches no module of") == 5
    assert "read by vLLM" in hover
    assert "1: Rename the pattern to `layers.*.attention.query_linear`" in actions
    assert '"layers.*.attention.query_linear": "colwise",' in mended


def test_emacs_shows_findings_and_applies_a_fix(server: Path, tmp_path: Path) -> None:
    if shutil.which("emacs") is None:
        pytest.skip("no Emacs")
    shutil.copytree(MODEL, tmp_path / "model")
    environment = {
        **os.environ,
        "PATH": f"{server.parent}:{os.environ['PATH']}",
        "MODEL_FILE": str(tmp_path / "model" / FILE),
    }
    script = EDITORS / "emacs" / "trial.el"
    ran = subprocess.run(
        ["emacs", "--batch", "-l", str(script)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert ran.returncode == 0, ran.stderr
    told = ran.stderr.splitlines()
    assert sum("[FGL101]" in line for line in told if line.startswith("found")) == 5
    assert "names no module" in ran.stderr
    assert "left 0" in told


def test_the_client_of_vs_code(server: Path) -> None:
    folder = EDITORS / "vscode"
    if not (folder / "node_modules").is_dir():
        pytest.skip("npm install has not run")
    environment = {**os.environ, "FORGATHER_LINT": str(server)}
    ran = subprocess.run(
        ["npm", "test"], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout

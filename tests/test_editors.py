"""Real editors show what the server says: Neovim, Helix, Emacs, and the client of VS Code.

NVIM names a Neovim of 0.11 or later, HX a Helix; for VS Code `npm install` has to have run in
`editors/vscode`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from rich.text import Text

from tools.editor_screen import (
    EDITORS,
    FILE,
    MODEL,
    command_folder,
    helix_frames,
    neovim_frames,
)

pytestmark = pytest.mark.slow


@pytest.fixture
def server(tmp_path: Path) -> Path:
    """A command of this checkout, by the name it is installed under."""
    return command_folder(tmp_path) / "forgather-lint"


def editor(variable: str, name: str) -> str:
    """The editor that an environment variable names; the test is skipped where there is none."""
    command = os.environ.get(variable, name)
    if shutil.which(command) is None or shutil.which("tmux") is None:
        pytest.skip(f"no {name}, or no tmux")
    return command


def test_neovim_shows_findings_and_applies_a_fix() -> None:
    shown = neovim_frames(editor("NVIM", "nvim"))
    found, hover, actions, mended = (Text.from_ansi(each).plain for _, each in shown)
    assert found.count("matches no module of") == 5
    assert "read by vLLM" in hover
    assert "1: Rename the pattern to `layers.*.attention.query_linear`" in actions
    assert '"layers.*.attention.query_linear": "colwise",' in mended


def test_helix_shows_findings_and_applies_a_fix() -> None:
    shown = helix_frames(editor("HX", "hx"))
    found, hover, actions, mended = (Text.from_ansi(each).plain for _, each in shown)
    assert "`self_attn.q_proj` is" in found
    assert "read by vLLM" in hover
    assert "Rename the pattern to `layers.*.attention.query_linear`" in actions
    assert '"layers.*.attention.query_linear": "colwise",' in mended
    assert "self_attn" not in mended


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

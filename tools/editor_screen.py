"""Real editors in a detached terminal: keys are sent to Neovim and Helix, and their screen is read.

They run in tmux, which gives the contents of the screen.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from itertools import count
from pathlib import Path

from rich.text import Text

ROOT = Path(__file__).parent.parent
EDITORS = ROOT / "editors"
MODEL = ROOT / "fixtures" / "models" / "broken_llama"
FILE = "configuration_broken_llama.py"
WIDTH, HEIGHT = 150, 24
_WAIT = 180.0


class Screen:
    """An editor in a detached terminal.

    The terminal is a tmux server of its own: one that runs already would start the editor in its
    own old environment, and its sessions belong to somebody else.
    """

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self._name = f"forgather-lint-{os.getpid()}-{next(_NUMBERS)}"
        environment = {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8"} | environment
        size = ["-x", str(WIDTH), "-y", str(HEIGHT)]
        self._tmux("new-session", "-d", *size, *command, environment=environment)

    def _tmux(self, *words: str, environment: dict[str, str] | None = None) -> str:
        command = ["tmux", "-L", self._name, "-f", os.devnull, *words]
        told = {**os.environ, **(environment or {})}
        told.pop("TMUX", None)
        ran = subprocess.run(command, capture_output=True, text=True, check=True, env=told)
        return ran.stdout

    def keys(self, *keys: str) -> None:
        """Type `keys`."""
        self._tmux("send-keys", *keys)

    def text(self) -> str:
        """What the screen shows, with its colours."""
        return self._tmux("capture-pane", "-p", "-e")

    def wait_for(self, shown: str, *, gone: bool = False) -> str:
        """The screen once it shows `shown`, or with `gone` no longer does.

        Raises `TimeoutError`.
        """
        until = time.monotonic() + _WAIT
        while time.monotonic() < until:
            plain = Text.from_ansi(text := self.text()).plain
            if (shown in plain) != gone:
                time.sleep(1.0)  # until the rest of the screen is drawn
                return self.text()
            time.sleep(0.1)
        raise TimeoutError(f"{shown!r} is {'still' if gone else 'not'} shown:\n{text}")

    def end(self) -> None:
        """Close it all."""
        command = ["tmux", "-L", self._name, "kill-server"]
        subprocess.run(command, check=False, capture_output=True)


_NUMBERS = count()


def broken_model(folder: Path) -> Path:
    """Copy the broken llama to `folder`; returns the file that has its plan."""
    model = folder / "model"
    model.mkdir()
    for file in MODEL.iterdir():
        if file.is_file():
            (model / file.name).write_bytes(file.read_bytes())
    return model / FILE


def neovim_frames(nvim: str) -> list[tuple[str, str]]:
    """Steps of a session: what is done, and what the screen shows then."""
    with tempfile.TemporaryDirectory(prefix="forgather-lint-editor-") as folder:
        file = broken_model(Path(folder))
        recording = EDITORS / "neovim" / "recording.lua"
        environment = {
            "FORGATHER_LINT_EDITORS": str(EDITORS),
            "FORGATHER_LINT_SERVER": f"{sys.executable} -P -m forgather_lint server",
            "PYTHONPATH": str(ROOT),
            "XDG_STATE_HOME": str(Path(folder) / "state"),
        }
        command = [nvim, "--clean", "-u", str(recording), "+10", str(file)]
        screen = Screen(command, environment)
        try:
            found = [("nvim configuration_broken_llama.py", screen.wait_for("matches no module"))]
            screen.keys("11G", "20l", "K")
            found.append(("K", screen.wait_for("names no module")))
            screen.keys("Escape", "Escape", "gra")
            found.append(("gra (code action)", screen.wait_for("Infer the plan")))
            choice = re.search(r"(\d+): [^\n]*Infer the plan", Text.from_ansi(found[-1][1]).plain)
            assert choice is not None
            screen.keys(choice[1], "Enter")
            mended = screen.wait_for("matches no module", gone=True)
            found.append((f"{choice[1]} (infer the plan)", mended))
            return found
        finally:
            screen.end()


def helix_frames(hx: str) -> list[tuple[str, str]]:
    """Steps of a session, with the configuration that we ship."""
    with tempfile.TemporaryDirectory(prefix="forgather-lint-editor-") as folder:
        file = broken_model(Path(folder))
        settings = Path(folder) / "config" / "helix"
        settings.mkdir(parents=True)
        shipped = (EDITORS / "helix" / "languages.toml").read_text("utf-8")
        (settings / "languages.toml").write_text(shipped, "utf-8")
        environment = {
            "PATH": f"{command_folder(Path(folder))}:{os.environ['PATH']}",
            "XDG_CONFIG_HOME": str(settings.parent),
            "XDG_CACHE_HOME": str(Path(folder) / "cache"),
        }
        screen = Screen([hx, f"{file}:11"], environment)
        try:
            screen.wait_for("\N{BLACK CIRCLE} 5")
            screen.keys("20l")
            found = [(f"hx {FILE}", screen.wait_for("matches no module of"))]
            screen.keys("Space", "k")
            found.append(("space k", screen.wait_for("names no module")))
            screen.keys("Escape")  # with a key at once behind it, it would be Alt
            screen.wait_for("names no module", gone=True)
            screen.keys("Space", "a")
            found.append(("space a", screen.wait_for("Infer the plan")))
            screen.keys("Down", "Down", "Enter")
            found.append(("infer the plan", screen.wait_for("\N{BLACK CIRCLE} 5", gone=True)))
            return found
        finally:
            screen.end()


def command_folder(folder: Path) -> Path:
    """A folder with the command of this checkout, under its installed name."""
    command = folder / "bin" / "forgather-lint"
    command.parent.mkdir()
    command.write_text(
        f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -P -m forgather_lint "$@"\n', "utf-8"
    )
    command.chmod(0o755)
    return command.parent

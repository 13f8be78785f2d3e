"""Draws the README's picture of an editor: the broken llama in a real Neovim, mended by its fixes.

python tools/editor_picture.py NVIM fixtures/reports/editor.svg

NVIM is Neovim 0.11 or later; it runs in tmux, and what the screen shows is taken from there.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parent.parent
EDITORS = ROOT / "editors"
MODEL = ROOT / "fixtures" / "models" / "broken_llama"
FILE = "configuration_broken_llama.py"
WIDTH, HEIGHT = 150, 24
_WAIT = 60.0
_SESSION = "forgather-lint-editor"


class Screen:
    """Neovim in a terminal that nobody looks at."""

    def __init__(self, nvim: str, folder: Path) -> None:
        server = f"{sys.executable} -P -m forgather_lint server"
        environment = {
            "FORGATHER_LINT_EDITORS": str(EDITORS),
            "FORGATHER_LINT_SERVER": server,
            "PYTHONPATH": str(ROOT),
            "XDG_STATE_HOME": str(folder / "state"),
        }
        given = [word for name, value in environment.items() for word in ("-e", f"{name}={value}")]
        recording = EDITORS / "neovim" / "recording.lua"
        command = [nvim, "--clean", "-u", str(recording), "+10", str(folder / "model" / FILE)]
        size = ["-x", str(WIDTH), "-y", str(HEIGHT)]
        self._tmux("new-session", "-d", "-s", _SESSION, *size, *given, *command)

    def _tmux(self, *words: str) -> str:
        ran = subprocess.run(["tmux", *words], capture_output=True, text=True, check=True)
        return ran.stdout

    def keys(self, *keys: str) -> None:
        """Type `keys`."""
        self._tmux("send-keys", "-t", _SESSION, *keys)

    def text(self) -> str:
        """What the screen shows, with its colours."""
        return self._tmux("capture-pane", "-p", "-e", "-t", _SESSION)

    def wait_for(self, shown: str, *, gone: bool = False) -> str:
        """The screen when it shows `shown`, or no more. Raises `TimeoutError`."""
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
        subprocess.run(["tmux", "kill-session", "-t", _SESSION], check=False, capture_output=True)


def frames(nvim: str) -> list[tuple[str, str]]:
    """What is done, and what the screen shows then."""
    with tempfile.TemporaryDirectory(prefix="forgather-lint-editor-") as folder:
        model = Path(folder) / "model"
        model.mkdir()
        for file in MODEL.iterdir():
            if file.is_file():
                (model / file.name).write_bytes(file.read_bytes())
        screen = Screen(nvim, Path(folder))
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


def main(nvim: str, destination: Path) -> None:
    """Run the editor and write what its terminal shows."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    for done, shown in frames(nvim):
        console.rule(f"[bold]{done}[/bold]", align="left")
        console.print(Text.from_ansi(shown.rstrip("\n")), no_wrap=True, crop=True)
    picture = console.export_svg(title="forgather-lint server in Neovim")
    picture = re.sub(r"@font-face \{.*?\n    \}\n", "", picture, flags=re.DOTALL)
    destination.write_text(picture, "utf-8")


if __name__ == "__main__":
    os.environ.setdefault("TERM", "xterm-256color")
    main(sys.argv[1], Path(sys.argv[2]))

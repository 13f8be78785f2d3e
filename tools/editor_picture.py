"""Draws the README's picture of an editor: the broken llama in a real Neovim, fixed there.

    python -m tools.editor_picture NVIM fixtures/reports/editor.svg

NVIM is Neovim 0.11 or later; it runs in tmux.
"""

from __future__ import annotations

import io
import re
from pathlib import Path

from rich.console import Console
from rich.text import Text

from tools import command_line
from tools.editor_screen import WIDTH, neovim_frames


def main(nvim: str, destination: Path) -> None:
    """Run the editor and write what its terminal shows."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    for done, shown in neovim_frames(nvim):
        console.rule(f"[bold]{done}[/bold]", align="left")
        console.print(Text.from_ansi(shown.rstrip("\n")), no_wrap=True, crop=True)
    picture = console.export_svg(title="forgather-lint server in Neovim")
    picture = re.sub(r"@font-face \{.*?\n    \}\n", "", picture, flags=re.DOTALL)
    destination.write_text(picture, "utf-8")


if __name__ == "__main__":
    parser = command_line.parser(__doc__)
    parser.add_argument("nvim")
    parser.add_argument("destination", type=Path)
    given = parser.parse_args()
    main(given.nvim, given.destination)

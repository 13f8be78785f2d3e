"""Draws the README's picture of the terminal from a real run.

python -m tools.picture fixtures/reports/demo.svg
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

from tools import command_line

COMMAND = ["check", "fixtures/models/broken_llama", "--select", "FGL1", "--color", "always"]
LINES = 23
WIDTH = 150


def main(destination: Path) -> None:
    """Run the demo and write what a terminal shows of it."""
    ran = subprocess.run(
        [sys.executable, "-m", "forgather_lint", *COMMAND],
        capture_output=True,
        text=True,
        check=False,
    )
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(f"[bold]$ forgather-lint {' '.join(COMMAND[:4])}[/bold]")
    shown = ran.stdout.splitlines()
    console.print(Text.from_ansi("\n".join(shown[:LINES])))
    if len(shown) > LINES:
        console.print("...")
        console.print(Text.from_ansi(shown[-1]))
    picture = console.export_svg(title="forgather-lint")
    # The reader's own monospace font serves: a picture should fetch nothing.
    picture = re.sub(r"@font-face \{.*?\n    \}\n", "", picture, flags=re.DOTALL)
    destination.write_text(picture, "utf-8")


if __name__ == "__main__":
    parser = command_line.parser(__doc__)
    parser.add_argument("destination", type=Path)
    main(parser.parse_args().destination)

"""Makes the site of the documentation.

    python -m tools.site [OUTPUT]          # default: build/site
    python -m tools.site --pages OUTPUT    # the pages as Markdown, and how they are built, alone

What people wrote lies in README.md, docs/ and CONTRIBUTING.md; a page for every rule, command,
release and function is made from the code. The generator comes with
`pip install 'forgather-lint[docs]'`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tools import command_line
from tools.site.pages import ROOT, write_pages


def main() -> int:
    parser = command_line.parser(__doc__)
    parser.add_argument("output", nargs="?", type=Path, default=ROOT / "build" / "site")
    parser.add_argument("--pages", action="store_true", help="write Markdown and no site")
    chosen = parser.parse_args()
    if chosen.pages:
        write_pages(chosen.output)
        return 0
    generator = Path(sys.executable).with_name("zensical")
    if not generator.exists():
        print("the generator is missing: pip install 'forgather-lint[docs]'", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as temporary:
        # The generator empties the folder that it writes to: it gets one of its own.
        source = Path(temporary)
        write_pages(source)
        subprocess.run([generator, "build", "--clean", "--strict"], cwd=source, check=True)
        shutil.rmtree(chosen.output, ignore_errors=True)
        shutil.copytree(source / "site", chosen.output)
    print(f"{chosen.output / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

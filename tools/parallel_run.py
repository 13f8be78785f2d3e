"""How much faster `check -j 2` is than `-j 1`, on 200 models in one run; needs a quiet machine.

python -m tools.parallel_run [--models 200] [--rounds 3]
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.fixture_models import copy_model, model_directories
from tools import command_line

ROOT = Path(__file__).parent.parent


def made(folder: Path, count: int) -> None:
    """Make `count` models in `folder`: copies of all that are shipped, in turn."""
    shipped = model_directories()
    for number in range(count):
        # No two alike: those would be analysed once.
        name, own = shipped[number % len(shipped)].name, {"vocab_size": 256 + 8 * number}
        copy = copy_model(name, folder, num_hidden_layers=4, **own)
        copy.rename(folder / f"m{number:03}")


def seconds(folder: Path, jobs: int) -> float:
    """The wall time of one `check` of all models in `folder`."""
    tool = [sys.executable, "-m", "forgather_lint", "check", "--isolated", "--no-cache"]
    tool += ["-j", str(jobs)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    started = time.monotonic()
    ended = subprocess.run(
        [*tool, str(folder)], env=environment, capture_output=True, text=True, check=False
    )
    if ended.returncode not in (0, 1):
        raise SystemExit(ended.stderr)
    return time.monotonic() - started


def main() -> None:
    """Measure alternately, and print the best of each and their ratio."""
    parser = command_line.parser(__doc__)
    parser.add_argument("--models", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        made(Path(folder), given.models)
        times = [(seconds(Path(folder), 1), seconds(Path(folder), 2)) for _ in range(given.rounds)]
    one, two = (min(each) for each in zip(*times, strict=True))
    print(f"{given.models} models: {one:.1f} s with -j 1, {two:.1f} s with -j 2: {one / two:.2f}x")


if __name__ == "__main__":
    main()

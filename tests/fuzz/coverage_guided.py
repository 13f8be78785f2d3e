"""Runs the readers on inputs that are selected by coverage.

    python -m tests.fuzz.coverage_guided --seconds 180 [--kind json] [--keep]

Atheris (libFuzzer) mutates an input, and keeps it when it reaches code that no other has reached.
Each reader is run in a process of its own, starting with what was kept the last time
(`tests/fuzz/guided`), the corpus of faults, and inputs that its kind makes; what must hold is the
same as in the long run. A reader that finds a fault ends there and shows it; `--keep` stores what
is new.

Needs `pip install atheris`, which the suite does not.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tools import command_line

READERS = "python comments json toml yaml template requirement option pattern header command"
"""The kinds of input that are only read; other kinds run or judge what these contain."""
HERE = Path(__file__).parent
GUIDED, CORPUS = HERE / "guided", HERE / "corpus"
_PACKAGES = "documents deployment core forgather engines linting shell.configuration".split()
_LONGEST, _MOST_KEPT = 2_000, 400
_MEMORY_MB = 4_096


def stored(kind: str) -> list[str]:
    """The kept inputs of a reader: each reached something new when it was found."""
    file = GUIDED / f"{kind}.json"
    return list(json.loads(file.read_text("ascii"))) if file.is_file() else []


def _fuzz(kind_name: str, seconds: int, folder: Path) -> None:
    """Run one reader in this process, which ends with it."""
    import atheris

    with atheris.instrument_imports(include=[f"forgather_lint.{each}" for each in _PACKAGES]):
        from tests.fuzz import campaign, kinds

    kind = next(each for each in kinds.KINDS if each.name == kind_name)
    kinds.work_in(folder)
    seeds = folder / "seeds"
    seeds.mkdir()
    known = [*stored(kind_name), *kind.make("guided", 100)]
    known += [
        each.read_bytes().decode("utf-8", "surrogatepass")
        for each in sorted((CORPUS / kind_name).glob("*"))
        if each.stat().st_size <= _LONGEST
    ]
    for number, text in enumerate(known):
        (seeds / str(number)).write_bytes(text.encode("utf-8", "surrogatepass")[:_LONGEST])

    def one(data: bytes) -> None:
        text = data.decode("utf-8", "replace")
        _, broken, _ = campaign.judged(kind, text)
        if broken:
            print(f"FAULT {json.dumps([kind_name, broken, text])}", flush=True)
            raise SystemExit(77)

    (folder / "new").mkdir()
    options = [
        f"-max_total_time={seconds}",
        f"-max_len={_LONGEST}",
        f"-rss_limit_mb={_MEMORY_MB}",
        "-timeout=120",
        "-print_final_stats=1",
        f"-artifact_prefix={folder}/",
    ]
    atheris.Setup([sys.argv[0], *options, str(folder / "new"), str(seeds)], one)
    atheris.Fuzz()


def _run(kind: str, seconds: int, *, keep: bool) -> bool:
    """Run one reader and print the result; returns whether nothing was found."""
    with tempfile.TemporaryDirectory(prefix="forgather-lint-guided-") as folder:
        command = [sys.executable, "-m", "tests.fuzz.coverage_guided"]
        started = time.monotonic()
        ran = subprocess.run(
            [*command, "--in-process", kind, folder, "--seconds", str(seconds)],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            env={**os.environ, "FORGATHER_LINT_CACHE_DIR": folder},
        )
        spent = time.monotonic() - started
        said = ran.stdout + ran.stderr
        faults = [line for line in said.splitlines() if line.startswith("FAULT ")]
        counts = re.findall(r"stat::number_of_executed_units:\s*(\d+)", said)
        reached = re.findall(r"cov: (\d+) ft: (\d+)", said)
        inputs = counts[-1] if counts else "?"
        cov, features = reached[-1] if reached else ("?", "?")
        new = sorted((Path(folder) / "new").glob("*"), key=lambda each: each.stat().st_size)
        told = (
            f"{inputs} inputs in {spent:.0f} s, {cov} edges, {features} features, {len(new)} kept"
        )
        print(f"{kind:12}{told}", flush=True)
        for fault in faults:
            print(f"  {fault[:2_000]}", flush=True)
        if not faults and ran.returncode:
            print(f"  ended with {ran.returncode}: {said[-2_000:]}", flush=True)
        if keep:
            texts = [each.read_bytes().decode("utf-8", "replace") for each in new]
            kept = list(dict.fromkeys([*stored(kind), *texts]))[:_MOST_KEPT]
            GUIDED.mkdir(exist_ok=True)
            (GUIDED / f"{kind}.json").write_text(json.dumps(kept, indent=0) + "\n", "ascii")
        return ran.returncode == 0


def main() -> int:
    """Run the command line."""
    parser = command_line.parser(__doc__)
    parser.add_argument("--seconds", type=int, default=180, help="for each reader")
    parser.add_argument("--kind", action="append", choices=READERS.split(), dest="kinds")
    parser.add_argument("--keep", action="store_true", help="store what reaches something new")
    parser.add_argument("--in-process", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.in_process:
        _fuzz(given.in_process[0], given.seconds, Path(given.in_process[1]))
    well = [_run(kind, given.seconds, keep=given.keep) for kind in given.kinds or READERS.split()]
    return 0 if all(well) else 1


if __name__ == "__main__":
    sys.exit(main())

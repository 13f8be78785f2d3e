"""`python -m tests.fuzz --count 20000 --seed 1 --jobs 2`: the long run."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import click

from tests.fuzz.campaign import Fault, Summary, coverage, run
from tests.fuzz.kinds import KINDS

CORPUS = Path(__file__).parent / "corpus"
FOLDERS = ("core", "documents", "python", "libraries", "model", "execution", "engines", "forgather")
_EVERY = 30.0
_LONGEST_KEPT = 20_000


@click.command()
@click.option("--count", type=click.IntRange(1), default=20_000, help="About so many inputs.")
@click.option("--seed", type=int, default=1)
@click.option("--jobs", type=click.IntRange(1), default=1)
@click.option("--kind", "kinds", multiple=True, type=click.Choice([kind.name for kind in KINDS]))
@click.option("--keep", is_flag=True, help="Store each new kind of fault in the corpus.")
def command(count: int, seed: int, jobs: int, kinds: tuple[str, ...], keep: bool) -> None:
    """Run about COUNT inputs; exit code 1 when something does not hold for one of them."""
    chosen = [kind for kind in KINDS if not kinds or kind.name in kinds]
    started = told = time.monotonic()
    shown = 0

    def tell(summary: Summary) -> None:
        nonlocal told, shown
        for fault in summary.faults[shown:]:
            _show(fault)
        shown = len(summary.faults)
        if time.monotonic() - told > _EVERY:
            told = time.monotonic()
            done = sum(summary.count.values())
            print(f"{done} inputs, {shown} faults, {told - started:.0f} s", flush=True)

    with tempfile.TemporaryDirectory(prefix="forgather-lint-fuzz-") as folder:
        # What the user has in a cache must not change how inputs end.
        os.environ["FORGATHER_LINT_CACHE_DIR"] = folder
        summary = run(count, seed, jobs, Path(folder), chosen, tell)
    _print(summary, time.monotonic() - started, seed)
    if keep:
        for fault in _different(summary.faults):
            _store(fault)
    sys.exit(1 if summary.faults else 0)


def _print(summary: Summary, seconds: float, seed: int) -> None:
    total = sum(summary.count.values())
    print(f"seed {seed}: {total} inputs in {seconds:.0f} s, {total / seconds:.0f} per second")
    print(f"{'kind':12}{'inputs':>9}{'per second':>12}{'distinct ends':>15}{'faults':>8}")
    faults = Counter(fault.kind for fault in summary.faults)
    for kind, count in summary.count.items():
        speed = count / max(summary.seconds[kind], 1e-9)
        ends = len(summary.ends[kind])
        print(f"{kind:12}{count:9}{speed:12.0f}{ends:15}{faults[kind]:8}")
    for folder, (ran, there) in coverage(summary.lines, FOLDERS).items():
        print(f"{folder:12}{ran:6} of {there} lines, {ran / there:.0%} (of the traced inputs)")
    for fault in _different(summary.faults):
        _show(fault)


def _show(fault: Fault) -> None:
    where = f"batch {fault.batch}, input {fault.place}"
    print(f"\n{fault.kind}, {where}: {fault.what}\n{fault.text[:400]!r}", flush=True)


def _different(faults: list[Fault]) -> list[Fault]:
    """The shortest input for each kind of fault."""
    found: dict[tuple[str, str], Fault] = {}
    for fault in sorted(faults, key=lambda each: len(each.text)):
        found.setdefault((fault.kind, fault.what.rpartition(" at ")[2][:80]), fault)
    return list(found.values())


def _store(fault: Fault) -> None:
    if len(fault.text) > _LONGEST_KEPT:
        print(f"not stored, {len(fault.text)} letters: {fault.what}")
        return
    data = fault.text.encode("utf-8", "surrogatepass")
    file = CORPUS / fault.kind / hashlib.sha256(data).hexdigest()[:12]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)


if __name__ == "__main__":
    command()

"""How long an editor waits for the server, and how much memory that takes.

    python tools/editor.py [--rounds 5] [--edits 1000]

From a keystroke in a plan to its diagnostics, warm: the fixture llama and one of 80 layers, both
with and without a finding. From the start to the first diagnostics, beside a cold `check` that runs
in turn. Memory is what all processes of the server hold together, shared pages counted once.

Each line has the best and the middle of its rounds by the clock, and the processor time that all
processes of the server took for one of them. Other work on the machine makes the clock slower, and
touches processor time less. The limits are those of a machine that does nothing else.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.fixture_models import copy_model  # noqa: E402
from tests.language_client import LanguageClient, editing  # noqa: E402
from tools import command_line  # noqa: E402

NAME, MANY_LAYERS = "hf_llama", 80
PLAN = f"configuration_{NAME}.py"
COMMENT = "# edit "
WARM_UP, KEYSTROKES, SETTLED = 6, 20, 1.0
LIMITS = {"keystroke": 150.0, "keystroke, 80 layers": 300.0}
"""Milliseconds."""
MOST_FIRST, MOST_GROWTH = 1.5, 1.2
"""The first answer as a multiple of a cold check; memory after all edits, of that after 100."""


class Times(NamedTuple):
    """Seconds by the clock, the shortest and the middle; and by the processors, for one round."""

    best: float
    middle: float
    processor: float

    @classmethod
    def of(cls, seconds: Sequence[float], processor: float) -> Times:
        """The figures of rounds that took `seconds`, and all together so much processor time."""
        return cls(min(seconds), statistics.median(seconds), processor / len(seconds))

    def __str__(self) -> str:
        clock = f"{self.best * 1000:6.0f} ms  (middle {self.middle * 1000:5.0f}"
        return f"{clock}, processor {self.processor * 1000:5.0f})"


def typed(client: LanguageClient, file: Path, count: int) -> Iterator[float]:
    """Type a letter into a pattern and delete it again, with another number in a comment each time.

    So no text comes twice, and nothing is known of it. Yields how long each took to be answered.
    """
    whole = client.texts[str(file)].partition(COMMENT)[0]
    pattern = "layers.*.mlp.gate_proj"
    offset = whole.index(pattern) + len(pattern)
    here = _point(whole, offset)
    first = client.versions[str(file)]
    for number in range(count):
        put, before = number % 2 == 0, client.texts[str(file)]
        text = f"{whole[:offset]}{'x' * put}{whole[offset:]}{COMMENT}{first + number}\n"
        rest = before.rpartition(COMMENT)[1:] if COMMENT in before else ("", "")
        end = {"start": _point(before, len(before) - len("".join(rest)))}
        end["end"] = _point(before, len(before))
        typed_at = {"start": here, "end": {**here, "character": here["character"] + (not put)}}
        start = time.perf_counter()
        client.change(
            file,
            text,
            {"range": end, "text": f"{COMMENT}{first + number}\n"},
            {"range": typed_at, "text": "x" if put else ""},
        )
        found = client.on(file)
        yield time.perf_counter() - start
        assert bool(found) is put


def _point(text: str, offset: int) -> dict[str, int]:
    before = text[:offset]
    return {"line": before.count("\n"), "character": len(before) - before.rfind("\n") - 1}


def keystrokes(model: Path) -> Times:
    """From a keystroke to its diagnostics, for a model analysed before."""
    with editing(model.parent) as client:
        client.open(model / PLAN)
        client.on(model / PLAN)
        for _ in typed(client, model / PLAN, WARM_UP):
            pass
        before = processor_time(client.process.pid)
        times = list(typed(client, model / PLAN, KEYSTROKES))
        client.pause(SETTLED)  # what is done behind an answer counts as well
        return Times.of(times, processor_time(client.process.pid) - before)


def first_answer(model: Path) -> tuple[float, float]:
    """From the start of the server to the first diagnostics, by the clock and the processors."""
    start = time.perf_counter()
    client = LanguageClient()
    try:
        client.start(model.parent)
        client.open(model / PLAN)
        client.on(model / PLAN)
        return time.perf_counter() - start, processor_time(client.process.pid)
    finally:
        client.kill()


def cold_check(model: Path) -> tuple[float, float]:
    """A `check` of the same model in a process of its own, by the clock and the processors."""
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [
        sys.executable,
        "-m",
        "forgather_lint",
        "check",
        "--isolated",
        "--no-cache",
        str(model),
    ]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - start, processor


def processor_time(process: int) -> float:
    """Seconds of processor time that a process and all below it have taken, ended ones included."""
    total = 0
    for each in (process, *_below(process)):
        with suppress(OSError):
            told = Path(f"/proc/{each}/stat").read_text("ascii").rpartition(")")[2].split()
            total += sum(map(int, told[11:15]))  # user and system, its own and of reaped children
    return total / os.sysconf("SC_CLK_TCK")


def memory(process: int) -> int:
    """Bytes that a process and its descendants hold, shared pages once; 0 where not known."""
    total = 0
    for each in (process, *_below(process)):
        try:
            told = Path(f"/proc/{each}/smaps_rollup").read_text("ascii")
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in told.splitlines() if line.startswith("Pss:"))
    return total * 1024


def _below(process: int) -> Iterator[int]:
    for file in Path(f"/proc/{process}/task").glob("*/children"):
        with suppress(OSError):
            for child in map(int, file.read_text("ascii").split()):
                yield child
                yield from _below(child)


def growth(model: Path, edits: int) -> tuple[int, int]:
    """Memory after 100 edits, and after all."""
    with editing(model.parent) as client:
        client.open(model / PLAN)
        client.on(model / PLAN)
        for _ in typed(client, model / PLAN, 100):
            pass
        early = memory(client.process.pid)
        for _ in typed(client, model / PLAN, edits - 100):
            pass
        return early, memory(client.process.pid)


def main() -> None:
    """Measure, print, and fail where a ratio is beyond its limit."""
    parser = command_line.parser(__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--edits", type=int, default=1000)
    chosen = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        small = copy_model(NAME, Path(folder) / "small")
        large = copy_model(NAME, Path(folder) / "large", num_hidden_layers=MANY_LAYERS)
        cold_check(small)
        pairs = [(first_answer(small), cold_check(small)) for _ in range(chosen.rounds)]
        first, cold = (
            Times.of([clock for clock, _ in each], sum(processor for _, processor in each))
            for each in zip(*pairs, strict=True)
        )
        print(f"{cold}  cold check")
        ratio = first.best / cold.best
        share = first.processor / cold.processor
        told = f"{ratio:.2f} of a cold check, {share:.2f} of its processor time"
        print(f"{first}  first answer, {told} (at most {MOST_FIRST})")
        failed |= ratio > MOST_FIRST
        for name, model in (("keystroke", small), ("keystroke, 80 layers", large)):
            taken, limit = keystrokes(model), LIMITS[name]
            share = taken.best / cold.best
            print(f"{taken}  {name}, {share:.2f} of a cold check (at most {limit:.0f} ms)")
            failed |= taken.best * 1000 > limit
        early, late = growth(small, chosen.edits)
        if early:
            ratio = late / early
            told = f"{early / 2**20:.0f} MiB after 100 edits, {late / 2**20:.0f} after"
            print(f"{told} {chosen.edits}: {ratio:.2f} (at most {MOST_GROWTH})")
            failed |= ratio > MOST_GROWTH
    if failed:
        raise SystemExit("beyond a limit")


if __name__ == "__main__":
    main()

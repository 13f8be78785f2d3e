"""Runs many inputs in workers, and records how each ended, what went wrong, and what was reached.

An input is identified by the seed, its kind, the number of its batch and its place in it. A batch
that kills its worker is run again one input at a time.
"""

from __future__ import annotations

import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import field
from functools import cache, partial
from pathlib import Path
from types import CodeType, FrameType

from forgather_lint.core.record import record
from forgather_lint.core.workers import JobLimits, Lost, Workers
from tests.fuzz.kinds import KINDS, Kind, work_in
from tests.fuzz.watch import watched

PACKAGE = str(Path(__file__).parents[2] / "forgather_lint")
MEMORY = 1 << 30
_SECONDS_OF_A_BATCH = 300.0
_TRACED_EVERY = 25
"""In one batch out of so many the lines that run are recorded, which takes ten times as long."""

Line = tuple[str, int]


@record
class Limits(JobLimits):
    """Limits for an input. Wall time is generous: that others have the processor is no hang."""

    @property
    def wall(self) -> float:
        return self.seconds * 60


@record
class Fault:
    """An input for which something does not hold, and what that is."""

    kind: str
    batch: int
    place: int
    what: str
    text: str


@record
class Batch:
    """The results of a batch: how many inputs there were, and how they ended."""

    count: int
    ends: Counter[str]
    faults: tuple[Fault, ...]
    seconds: float
    lines: frozenset[Line] = frozenset()


@record(frozen=False)
class Summary:
    """The results of all batches."""

    count: Counter[str] = field(default_factory=Counter)
    seconds: Counter[str] = field(default_factory=Counter)
    ends: dict[str, Counter[str]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    lines: set[Line] = field(default_factory=set)

    def add(self, kind: str, batch: Batch) -> None:
        """Add a batch."""
        self.count[kind] += batch.count
        self.seconds[kind] += batch.seconds  # type: ignore[assignment]
        self.ends.setdefault(kind, Counter()).update(batch.ends)
        self.faults += batch.faults
        self.lines |= batch.lines


def run(
    count: int,
    seed: int,
    jobs: int,
    folder: Path,
    kinds: Sequence[Kind] = KINDS,
    told: Callable[[Summary], None] = lambda _: None,
    *,
    traced: bool = True,
) -> Summary:
    """Run about `count` inputs, divided among `kinds` by their shares.

    `told` gets the summary so far.

    `traced`: record the lines that some of them run.
    """
    summary = Summary()
    work = list(_batches(count, kinds))
    tasks = [
        partial(
            batch, kind.name, seed, number, size, folder, traced and number % _TRACED_EVERY == 0
        )
        for kind, number, size in work
    ]
    with Workers(jobs, Limits(_SECONDS_OF_A_BATCH, MEMORY)) as workers:
        for (kind, number, size), came in zip(work, workers.results(tasks), strict=True):
            if isinstance(came, Lost):
                _one_by_one(summary, kind, seed, number, size, folder)
            else:
                assert isinstance(came, Batch)
                summary.add(kind.name, came)
            told(summary)
    return summary


def _batches(count: int, kinds: Sequence[Kind]) -> Iterator[tuple[Kind, int, int]]:
    """The batches of all kinds in turn, so that an interrupted run has covered each kind."""
    total = sum(kind.share for kind in kinds)
    left = {kind: max(1, round(count * kind.share / total)) for kind in kinds}
    number = 0
    while any(left.values()):
        for kind in kinds:
            size = min(kind.batch, left[kind])
            if size:
                left[kind] -= size
                yield kind, number, size
        number += 1


def _one_by_one(
    summary: Summary, kind: Kind, seed: int, number: int, size: int, folder: Path
) -> None:
    """Run the batch again with a job for each input, to find out which one it was."""
    inputs = kind.make(_seed(kind.name, seed, number), size)
    jobs = [partial(single, kind.name, text, folder) for text in inputs]
    with Workers(1, Limits(kind.seconds, MEMORY)) as workers:
        for place, came in enumerate(workers.results(jobs)):
            if isinstance(came, Lost):
                what = f"{came.reason}, while {came.doing}"
                fault = Fault(kind.name, number, place, what, inputs[place])
                came = Batch(1, Counter(), (fault,), 0.0)
            assert isinstance(came, Batch)
            summary.add(kind.name, came)


def single(name: str, text: str, folder: Path) -> Batch:
    """One input of the kind `name`."""
    work_in(folder)
    kind = _kind(name)
    end, what, seconds = judged(kind, text)
    faults = tuple(Fault(name, 0, 0, each, text) for each in what)
    return Batch(1, Counter([end]), faults, seconds)


def batch(name: str, seed: int, number: int, size: int, folder: Path, traced: bool) -> Batch:
    """The inputs of one batch, one after the other in this process."""
    work_in(folder)
    kind = _kind(name)
    own = judged(kind, kind.sentinel)[0]
    ends: Counter[str] = Counter()
    faults: list[Fault] = []
    started, lines = time.process_time(), set[Line]()
    inputs = kind.make(_seed(name, seed, number), size)
    for place, text in enumerate(inputs):
        if traced and place < kind.batch // 10:
            with _noted(lines):
                end, what, _ = judged(kind, text, in_time=False)
        else:
            end, what, _ = judged(kind, text)
        ends[_class_of(end)] += 1
        faults += [Fault(name, number, place, each, text) for each in what]
    seconds = time.process_time() - started
    if (now := judged(kind, kind.sentinel)[0]) != own:
        what_changed = f"another input ends in {now!r} afterwards, it did in {own!r}"
        faults.append(Fault(name, number, -1, what_changed, kind.sentinel))
    return Batch(len(inputs), ends, tuple(faults), seconds, frozenset(lines))


def judged(kind: Kind, text: str, *, in_time: bool = True) -> tuple[str, list[str], float]:
    """How an input ended, what does not hold for it, and how many seconds it took."""
    kind.prepare(text)
    started = time.process_time()
    with watched() as seen:
        try:
            end, broken = kind.read(text), list[str]()
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            end = f"internal error: {type(error).__name__}"
            at = traceback.extract_tb(error.__traceback__)[-1]
            broken = [f"internal error: {error!r:.300} at {at.filename}:{at.lineno}"]
    seconds = time.process_time() - started
    if in_time and seconds > kind.seconds:
        broken.append(f"took {seconds:.0f} seconds")
    return end, [*broken, *seen], seconds


def _class_of(end: str) -> str:
    """`end` without what varies between inputs: numbers, and what is quoted."""
    kept, quoted = [], False
    for word in end[:120].split():
        quoted ^= word.count("'") % 2 == 1 or word.count("`") % 2 == 1
        if (
            not quoted and word.strip(".,:;()").replace("-", "").replace("_", "").isalpha()
        ) or word.startswith("FGL"):
            kept.append(word)
    return " ".join(kept)


def _seed(name: str, seed: int, number: int) -> str:
    return f"{seed}/{name}/{number}"


def _kind(name: str) -> Kind:
    return next(kind for kind in KINDS if kind.name == name)


@contextmanager
def _noted(lines: set[Line]) -> Iterator[None]:
    """Within the block, record which lines of the package run."""

    def local(frame: FrameType, event: str, _: object) -> object:
        if event == "line":
            lines.add((frame.f_code.co_filename, frame.f_lineno))
        return local

    def of_call(frame: FrameType, _: str, __: object) -> object:
        return local if frame.f_code.co_filename.startswith(PACKAGE) else None

    sys.settrace(of_call)  # type: ignore[arg-type]
    try:
        yield
    finally:
        sys.settrace(None)


def coverage(lines: set[Line], below: Sequence[str]) -> dict[str, tuple[int, int]]:
    """By folder of the package: how many lines inside functions have run, and how many exist."""
    found = {}
    for folder in below:
        there = set[Line]()
        for file in sorted(Path(PACKAGE, folder).rglob("*.py")):
            there |= _lines_of(file)
        found[folder] = (len(there & lines), len(there))
    return found


@cache
def _lines_of(file: Path) -> frozenset[Line]:
    waiting = [compile(file.read_text("utf-8"), str(file), "exec")]
    found = set[Line]()
    while waiting:
        code = waiting.pop()
        waiting += [each for each in code.co_consts if isinstance(each, CodeType)]
        if code.co_name not in ("<module>",) and not _is_class_body(code):
            rows = {row for _, _, row in code.co_lines() if row}
            found |= {(str(file), row) for row in rows - {code.co_firstlineno}}
    return frozenset(found)


def _is_class_body(code: CodeType) -> bool:
    return "__module__" in code.co_names and "__qualname__" in code.co_names

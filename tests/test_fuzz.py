"""What was found once is read again, and a short run of every kind of input."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from forgather_lint.core.workers import CAN_FORK, Lost, Workers
from tests.fuzz import trees
from tests.fuzz.campaign import MEMORY, Batch, Limits, judged, run, single
from tests.fuzz.coverage_guided import READERS
from tests.fuzz.coverage_guided import stored as guided
from tests.fuzz.kinds import KINDS, Kind, work_in
from tests.fuzz.watch import watched

pytestmark = pytest.mark.skipif(not CAN_FORK, reason="inputs are read in forked workers")
CORPUS = Path(__file__).parent / "fuzz" / "corpus"
INPUTS, SEED = 1_000, 13


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.name))
def test_what_was_found_ends_as_it_should(kind: Kind, tmp_path: Path) -> None:
    files = sorted((CORPUS / kind.name).glob("*"))
    inputs = [file.read_bytes().decode("utf-8", "surrogatepass") for file in files]
    jobs = [partial(single, kind.name, text, tmp_path) for text in inputs]
    with Workers(1, Limits(kind.seconds, MEMORY)) as workers:
        came = list(workers.results(jobs))
    broken = {
        file.name: each.reason if isinstance(each, Lost) else [one.what for one in each.faults]
        for file, each in zip(files, came, strict=True)
        if isinstance(each, Lost) or (isinstance(each, Batch) and each.faults)
    }
    assert broken == {}


@pytest.mark.parametrize("name", READERS.split())
def test_what_coverage_picked_ends_as_it_should(name: str, tmp_path: Path) -> None:
    """All inputs of one reader that reached something new, in one job."""
    with Workers(1, Limits(60.0, MEMORY)) as workers:
        (came,) = workers.results([partial(_picked, name, tmp_path)])
    assert came == []


def _picked(name: str, folder: Path) -> list[tuple[str, list[str]]]:
    work_in(folder)
    kind = next(each for each in KINDS if each.name == name)
    ends = [(text, judged(kind, text)[1]) for text in guided(kind.name)]
    return [(text, broken) for text, broken in ends if broken]


def test_a_short_run_finds_nothing(tmp_path: Path) -> None:
    summary = run(INPUTS, SEED, 1, tmp_path, traced=False)
    assert [(each.kind, each.what, each.text[:200]) for each in summary.faults] == []
    assert set(summary.count) == {kind.name for kind in KINDS}
    assert sum(summary.count.values()) > 0.9 * INPUTS


def test_a_batch_is_the_same_every_time() -> None:
    for kind in KINDS:
        assert kind.make("1", 3) == kind.make("1", 3), kind.name
        assert kind.make("1", 3) != kind.make("2", 3), kind.name


def test_what_must_not_be_done_is_seen(tmp_path: Path) -> None:
    with watched() as seen:
        (tmp_path / "a").write_text("")
        (tmp_path / "a").unlink()
    assert [each.partition(" (")[0] for each in seen] == ["opens to write", "os.remove"]


def test_a_tree_is_changed_where_its_nodes_stand() -> None:
    source = trees.grown("x = 1\n")
    assert {source.text(piece) for piece in source.pieces} == {"x = 1", "x", "1"}

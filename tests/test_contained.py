"""A model that takes the analysis down takes nothing else down."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from forgather_lint.core import doing
from forgather_lint.core.settings import Settings
from forgather_lint.core.workers import CAN_FORK, Limits, Lost, Workers
from forgather_lint.documents import model_input
from forgather_lint.documents.discover import Candidate
from forgather_lint.linting.report import ModelReport
from forgather_lint.shell.cli import cli
from tests.fixture_models import copy_model

pytestmark = pytest.mark.skipif(not CAN_FORK, reason="there is no fork here")
LIMITS = Limits(seconds=2, memory=1 << 28)


def same(value: int) -> int:
    return value


def slow(value: int) -> int:
    time.sleep(0.3)
    return value


def hang() -> None:
    doing.now("waiting for nothing")
    time.sleep(600)


def toil() -> None:
    while True:
        pass


def grow() -> None:
    doing.now("growing")
    held = []
    while True:
        held.append(bytearray(1 << 24))


def die() -> None:
    doing.now("dying")
    os.kill(os.getpid(), signal.SIGSEGV)


def leave() -> None:
    os._exit(3)


def fail() -> None:
    raise LookupError("nowhere")


def test_what_ends_a_worker_is_told_and_every_other_job_is_done() -> None:
    hostile = [hang, toil, grow, die, leave, fail]
    jobs = [job for number, each in enumerate(hostile) for job in (each, partial(same, number))]
    with Workers(2, LIMITS) as workers:
        came = list(workers.results(jobs))
    assert came[1::2] == list(range(len(hostile)))
    in_time = [each for each in came[::2] if each != came[2]]
    assert isinstance(came[2], Lost)  # a busy machine may not give it its two seconds in time
    assert came[2].reason.startswith(("it took more than 2 seconds", "it did not end within"))
    assert in_time == [
        Lost("it did not end within 10 seconds", "waiting for nothing"),
        Lost("it took more than 0.25 GiB of memory", "growing"),
        Lost("its process was ended by SIGSEGV", "dying"),
        Lost("its process ended with exit code 3", ""),
        Lost("internal error: LookupError('nowhere') (see --debug)", ""),
    ]


def test_results_come_in_the_order_of_the_jobs() -> None:
    jobs = [partial(slow, 0), *(partial(same, number) for number in range(1, 9))]
    with Workers(3, LIMITS) as workers:
        assert list(workers.results(jobs)) == list(range(9))
        assert list(workers.results(jobs, by_one=True)) == list(range(9))


def test_no_worker_outlives_the_run() -> None:
    with Workers(2, LIMITS) as workers:
        results = workers.results([partial(slow, 1)] * 4)
        next(results)
        pids = [each.pid for each in workers._workers]
    assert len(pids) == 2
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(each) for each in arguments])


BOMBS = {"fail": fail, "hang": hang, "toil": toil, "die": die, "grow": grow}


@pytest.fixture
def hostile(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model does what its folder is called."""
    real = model_input.open_model

    def opened(candidate: Candidate) -> object:
        if bomb := BOMBS.get(candidate.folder.name.partition("_")[0]):
            bomb()
        return real(candidate)

    monkeypatch.setattr("forgather_lint.pipeline.open_model", opened)
    monkeypatch.setattr("forgather_lint.documents.single_file.open_model", opened)


def some_models(folder: Path) -> None:
    for place, name in enumerate(["hang", "good", "toil", "good", "die", "good", "grow", "good"]):
        copy_model("hf_llama", folder).rename(folder / f"{name}_{place}")


LITTLE = ("--time-limit", "3", "--memory-limit", "0.5")


@pytest.mark.usefixtures("hostile")
def test_hostile_models_among_others_are_findings(tmp_path: Path) -> None:
    some_models(tmp_path)
    result = run("check", "--isolated", *LITTLE, "--output-format", "concise", tmp_path)
    assert result.exit_code == 2
    ends = [line for line in result.stdout.splitlines() if "FGL997" in line]
    assert len(ends) == 4
    assert sum("FGL290" in line for line in result.stdout.splitlines()) == 4
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 4
    assert "die_4: given up, while dying: its process was ended by SIGSEGV" in result.stderr


@pytest.mark.usefixtures("hostile")
def test_the_report_does_not_depend_on_the_number_of_jobs(tmp_path: Path) -> None:
    some_models(tmp_path)
    options = ("--isolated", *LITTLE, "--output-format", "json", tmp_path)
    assert run("check", "-j", "1", *options).stdout == run("check", "-j", "4", *options).stdout


@pytest.mark.parametrize("option", ["-j0", "-jmany", "--time-limit=0", "--memory-limit=x"])
def test_limits_that_are_none_are_refused(option: str, tmp_path: Path) -> None:
    result = run("check", option, copy_model("hf_llama", tmp_path))
    assert result.exit_code == 2
    assert "expected a positive" in result.stderr


def test_the_limits_may_stand_in_the_configuration(tmp_path: Path) -> None:
    folder = copy_model("hf_llama", tmp_path)
    (folder / "forgather-lint.toml").write_text(
        "jobs = 2\ntime-limit = 0.001\nmemory-limit = 0.0001\n"
    )
    result = run("check", folder)
    assert (result.exit_code, "FGL997" in result.stdout) == (2, True), result.output


@pytest.mark.usefixtures("hostile")
@pytest.mark.parametrize("verb", ["structure", "plan", "matrix"])
@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("die", "given up, while dying: its process was ended by SIGSEGV"),
        ("fail", "internal error: LookupError('nowhere') (see --debug)"),
    ],
)
def test_commands_about_one_model_end_in_one_line(
    verb: str, name: str, end: str, tmp_path: Path
) -> None:
    copy_model("hf_llama", tmp_path).rename(tmp_path / name)
    result = run(verb, tmp_path / name)
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert line.endswith(end)
    assert result.stdout == ""


@pytest.mark.usefixtures("hostile")
def test_a_traceback_is_shown_for_debug_alone(tmp_path: Path) -> None:
    copy_model("hf_llama", tmp_path).rename(tmp_path / "fail")
    assert isinstance(run("matrix", "--debug", tmp_path / "fail").exception, LookupError)


def test_an_interrupt_ends_all_and_what_was_found_is_told(tmp_path: Path) -> None:
    for place in range(30):
        copy_model("hf_llama", tmp_path).rename(tmp_path / f"m{place:02}")
    command = [sys.executable, "-m", "forgather_lint", "check", "--isolated", "--verbose"]
    root = Path(__file__).parent.parent
    with subprocess.Popen(
        [*command, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        while "m01" not in process.stderr.readline():
            pass
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "interrupted; not every model was checked" in err
    assert "FGL290" in out


def test_an_unchecked_model_is_no_clean_one() -> None:
    report = ModelReport("m", error="given up")
    assert report.error
    assert Settings().jobs is None

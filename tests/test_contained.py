"""A model that takes the analysis down takes nothing else down."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from forgather_lint import (
    print_model_structure,
    validate_pp_plan,
    validate_tp_plan,
    validate_vllm_plans,
)
from forgather_lint.core import doing
from forgather_lint.core.settings import Settings
from forgather_lint.core.workers import CAN_FORK, Job, JobLimits, Lost, Workers
from forgather_lint.documents import model_input
from forgather_lint.documents.discover import Candidate
from forgather_lint.forgather import lint
from forgather_lint.forgather.configuration import read_configuration
from forgather_lint.forgather.project import Project
from forgather_lint.linting.report import ModelReport
from forgather_lint.shell.cli import cli
from tests.fixture_models import copy_model
from tests.forgather_projects import write_project

pytestmark = pytest.mark.skipif(not CAN_FORK, reason="there is no fork here")
LIMITS = JobLimits(seconds=2, memory=1 << 28)


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


@pytest.mark.parametrize("hostile", [hang, toil, grow, die, leave, fail])
def test_workers_that_are_no_forks_are_lost_alike(hostile: Callable[[], None]) -> None:
    jobs: list[Job] = [partial(same, 1), hostile, partial(same, 2)]
    with Workers(2, LIMITS, forked=False) as workers:
        first, lost, last = workers.results(jobs)
    assert (first, last) == (1, 2)
    assert isinstance(lost, Lost)
    told = {
        hang: "it did not end within 10 seconds",
        grow: "it took more than 0.25 GiB of memory",
        die: "its process was ended by SIGSEGV",
        leave: "its process ended with exit code 3",
        fail: "internal error: LookupError('nowhere') (see --debug)",
    }
    assert lost.reason == told.get(hostile, lost.reason)
    assert lost.doing == {hang: "waiting for nothing", grow: "growing", die: "dying"}.get(
        hostile, ""
    )


def test_without_forks_results_come_in_the_order_of_the_jobs() -> None:
    jobs = [partial(slow, 0), *(partial(same, number) for number in range(1, 9))]
    with Workers(3, LIMITS, forked=False) as workers:
        assert list(workers.results(jobs)) == list(range(9))
        assert list(workers.results(jobs, by_one=True)) == list(range(9))


def test_a_single_job_is_done_here_where_there_is_no_fork() -> None:
    with Workers(2, LIMITS, forked=False) as workers:
        assert list(workers.results([os.getpid])) == [os.getpid()]
    with Workers(2, LIMITS, forked=False, own=False) as workers:
        assert list(workers.results([os.getpid])) != [os.getpid()]


def test_a_watchdog_ends_a_single_job_that_hangs() -> None:
    code = (
        "from forgather_lint.core.workers import JobLimits, Workers\n"
        "import time\n"
        "workers = Workers(1, JobLimits(0.1, 1 << 28), forked=False)\n"
        "list(workers.results([lambda: time.sleep(60)]))\n"
    )
    root = str(Path(__file__).parent.parent)
    python = [sys.executable, "-c", code]
    environment = {**os.environ, "PYTHONPATH": root}
    ended = subprocess.run(python, env=environment, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (2, "error: it did not end within 0.5 seconds\n")


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


def largest_core() -> int:
    return resource.getrlimit(resource.RLIMIT_CORE)[0]


@pytest.mark.parametrize("forked", [True, False])
def test_a_worker_that_dies_leaves_no_core(forked: bool) -> None:
    with Workers(1, LIMITS, forked=forked) as workers:
        assert list(workers.results([largest_core, largest_core])) == [0, 0]


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
    busy, late = "it took more than 3 seconds of processor time", "it did not end within 15 seconds"
    one, four = (run("check", "-j", jobs, *options).stdout.replace(late, busy) for jobs in "14")
    assert one == four


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
def test_functions_end_in_an_exception_and_the_script_goes_on(tmp_path: Path) -> None:
    copy_model("hf_llama", tmp_path).rename(tmp_path / "die")
    function: Callable[[Path], object]
    for function in (
        print_model_structure,
        validate_tp_plan,
        validate_pp_plan,
        validate_vllm_plans,
    ):
        with pytest.raises(ValueError, match="given up, while dying: its process was ended by SIG"):
            function(tmp_path / "die")


def test_functions_of_a_script_with_threads_do_not_fork(tmp_path: Path) -> None:
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    try:
        assert validate_tp_plan(copy_model("hf_llama", tmp_path)) == (True, [])
        with pytest.raises(ValueError, match="no such file"):
            validate_tp_plan(tmp_path / "nowhere")
    finally:
        end.set()
        thread.join()


@pytest.mark.parametrize("verb", ["rule", "verify"])
def test_commands_that_analyse_nothing_end_in_one_line_too(
    verb: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text("{}")
    given = {"rule": ["FGL101"], "verify": ["--meta", "--yes", str(tmp_path)]}[verb]
    for name in ("rule.builtin_rules", "verify.require_meta"):
        monkeypatch.setattr(f"forgather_lint.shell.commands.{name}", lambda *_: fail())
    result = run(verb, *given)
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert line == "Error: internal error: LookupError('nowhere') (see --debug)"
    assert isinstance(run(verb, "--debug", *given).exception, LookupError)


def test_one_configuration_of_a_project_is_lost_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["a", "die", "m", "toil", "z"]
    write_project(tmp_path, {f"configs/{name}.yaml": "x: {{ y }}\n" for name in names})
    real = read_configuration

    def read(project: Project, config: str) -> object:
        if bomb := BOMBS.get(config.removesuffix(".yaml")):
            bomb()
        return real(project, config)

    monkeypatch.setattr(lint, "read_configuration", read)
    result = run("check", "--isolated", *LITTLE, "--output-format", "concise", tmp_path)
    assert result.exit_code == 2
    found = [line for line in result.stdout.splitlines() if "FGL" in line]
    lost = [Path(line.partition(":")[0]).stem for line in found if "FGL997" in line]
    checked = [Path(line.partition(":")[0]).stem for line in found if "FGL612" in line]
    assert (lost, checked) == (["die", "toil"], ["a", "m", "z"]), result.output


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

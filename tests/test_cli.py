"""The command line as a user meets it: verbs, exit codes, options, and where text goes."""

from __future__ import annotations

import json
import os
import pty
import queue
import re
import subprocess
import sys
import threading
import tomllib
from functools import partial
from pathlib import Path
from typing import IO, Any

import pytest
from click.testing import CliRunner, Result

from forgather_lint.shell import progress
from forgather_lint.shell.cli import cli
from tests.fixture_models import MODELS, copy_model

ROOT = Path(__file__).parent.parent
CHECK = ("-m", "forgather_lint", "check", "--isolated")
CLEAN = str(MODELS / "hf_llama")
BROKEN = str(MODELS / "broken_llama")
PLAN = "configuration_broken_llama.py"
ONE_RULE = "--select=FGL101"
"""Keeps what other rules say of the fixtures out of tests that are about the command line."""
PASSED = r"All checks passed! \(1 model\) vLLM [\d.]+: serves at 1, 2, 4, 8 ranks and 2, 4 stages\n"


def lint(*arguments: str | Path, environment: dict[str, str] | None = None) -> Result:
    """Run in this process; a traceback is a failure of the test."""
    result = CliRunner().invoke(cli, list(map(str, arguments)), env=environment)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def found(*arguments: str | Path) -> list[dict[str, Any]]:
    """The findings as JSON."""
    findings: list[dict[str, Any]] = json.loads(lint(*arguments, "--output-format=json").stdout)
    return findings


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variable in ("FORGATHER_LINT_OUTPUT_FORMAT", "FORGATHER_LINT_OUTPUT_FILE", "FORCE_COLOR"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(tmp_path)


def test_a_clean_model_exits_0() -> None:
    result = lint("check", CLEAN, ONE_RULE)
    assert re.fullmatch(PASSED, result.stdout)
    assert result.exit_code == 0


def test_a_broken_model_exits_1_and_shows_the_line() -> None:
    result = lint("check", BROKEN)
    assert result.exit_code == 1
    assert '"layers.*.self_attn.q_proj": "colwise",\n' in result.stdout
    assert result.stdout.splitlines()[-1].startswith("Found ")


def test_check_is_the_default_verb() -> None:
    for arguments in ([BROKEN], ["--output-format", "concise", BROKEN], ["-q", BROKEN]):
        assert lint(*arguments).output == lint("check", *arguments).output


def test_paths_are_shown_relative_to_the_current_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(MODELS)
    lines = lint("broken_llama", ONE_RULE, "--output-format=concise").stdout.splitlines()
    assert {line.partition(":")[0] for line in lines[:-1]} == {f"broken_llama/{PLAN}"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["chek"], "no command and no path is called 'chek', did you mean 'check'?"),
        (["check", "--selct", "FGL1", CLEAN], "No such option"),
        (["serve", "--targt", "vllm", "--", "vllm", "serve", CLEAN], "Did you mean '--target'?"),
        (["check", "--output-format", "xml", CLEAN], "xml"),
        (["check", "--select", "FGL177", CLEAN], "unknown rule 'FGL177'"),
        (["check", "--ignore", "no-tp-pla", CLEAN], "did you mean 'no-tp-plan'?"),
        (["check", "--dtype", "int3", CLEAN], "'int3' is not one of 'auto', "),
        (["check", "-tp", "two", CLEAN], "--tensor-parallel-size: expected a positive integer"),
        (["check", "--config", "gone.toml", CLEAN], "gone.toml"),
        (["check", "--statistics", "--output-format", "sarif", CLEAN], "'sarif'"),
        (["check", "-o", "no/such/folder", CLEAN], "no/such/folder"),
        (["matrix", "--dtype", "int3", CLEAN], "'int3' is not one of 'auto', "),
        (["matrix", "-tp", "two", CLEAN], "--tensor-parallel-size: expected a positive integer"),
        (["matrix", "-pp", "0", CLEAN], "--pipeline-parallel-size: expected a positive integer"),
        (["rule", "FGL101", "--all"], "either one CODE or --all"),
        (["rule", "unused-supression"], "did you mean 'unused-suppression'?"),
    ],
)
def test_what_cannot_run_exits_2_and_says_why(arguments: list[str], says: str) -> None:
    result = lint(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert says in result.stderr


@pytest.mark.parametrize("name", ["empty", "empty/nowhere"])
def test_a_named_path_without_a_model_exits_2(name: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = lint("check", name)
    assert result.exit_code == 2
    assert f"error: {name}: " in result.stderr
    assert "passed" not in result.stdout


def test_a_search_that_finds_no_model_says_so(tmp_path: Path) -> None:
    result = lint("check")
    assert (result.exit_code, result.stdout) == (0, "0 models checked.\n")
    assert "no model found" in lint("check", "--output-format=json").stderr


def test_one_bad_model_stops_no_other(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = lint("check", "empty", BROKEN, "--output-format=json")
    assert result.exit_code == 2
    assert "FGL101" in {finding["code"] for finding in json.loads(result.stdout)}


def test_exit_zero_forgives_findings_and_nothing_else() -> None:
    assert lint("check", "--exit-zero", BROKEN).exit_code == 0
    assert lint("check", "--exit-zero", "nowhere", BROKEN).exit_code == 2


def test_rules_are_chosen_by_code() -> None:
    codes = {finding["code"] for finding in found("check", BROKEN)}
    assert "FGL101" in codes
    only = {finding["code"] for finding in found("check", BROKEN, "--select=FGL101")}
    assert only == {"FGL101"}
    without = {finding["code"] for finding in found("check", BROKEN, "--ignore=FGL101")}
    assert without == codes - {"FGL101"}
    for word in ("fgl101", "tp-pattern-matches-nothing"):
        assert {one["code"] for one in found("check", BROKEN, "--select", word)} == only


def test_statistics() -> None:
    number = sum(finding["code"] == "FGL101" for finding in found("check", BROKEN))
    lines = lint("check", "--statistics", BROKEN).stdout.splitlines()
    assert f"{number}  FGL101  tp-pattern-matches-nothing" in map(str.strip, lines)
    counts = json.loads(lint("check", "--statistics", BROKEN, "--output-format=json").stdout)
    entry = {"code": "FGL101", "name": "tp-pattern-matches-nothing", "count": number}
    assert entry in counts


def test_output_goes_to_a_file(tmp_path: Path) -> None:
    result = lint("check", BROKEN, "-o", "report.sarif", "--output-format", "sarif")
    assert (result.stdout, result.exit_code) == ("", 1)
    assert json.loads((tmp_path / "report.sarif").read_text())["version"] == "2.1.0"


def test_the_environment_gives_the_format_and_an_option_overrides_it() -> None:
    environment = {"FORGATHER_LINT_OUTPUT_FORMAT": "json"}
    assert lint("check", CLEAN, ONE_RULE, environment=environment).stdout == "[]\n"
    result = lint("check", CLEAN, ONE_RULE, "--output-format=concise", environment=environment)
    assert re.fullmatch(PASSED, result.stdout)


@pytest.mark.parametrize(
    ("variable", "value", "option"),
    [
        ("OUTPUT_FORMAT", "concise", "--output-format=concise"),
        ("SELECT", "FGL101 FGL102", "--select=FGL101,FGL102"),
        ("IGNORE", "FGL101", "--ignore=FGL101"),
        ("TARGET", "vllm==0.13 vllm==0.32", "--target=vllm==0.13 --target=vllm==0.32"),
        ("TENSOR_PARALLEL_SIZE", "2", "-tp=2"),
        ("STATISTICS", "1", "--statistics"),
        ("QUIET", "true", "-q"),
        ("ISOLATED", "1", "--isolated"),
        ("EXIT_ZERO", "1", "--exit-zero"),
    ],
)
def test_the_environment_gives_options(variable: str, value: str, option: str) -> None:
    asked = lint("check", BROKEN, *option.replace("-tp=", "-tp ").split())
    given = lint("check", BROKEN, environment={f"FORGATHER_LINT_{variable}": value})
    assert (given.output, given.exit_code) == (asked.output, asked.exit_code)
    assert given.output != lint("check", BROKEN).output or variable in ("ISOLATED", "EXIT_ZERO")


def test_the_environment_of_check_changes_no_other_command() -> None:
    environment = {"FORGATHER_LINT_OUTPUT_FORMAT": "github", "FORGATHER_LINT_TARGET": "vllm==0.13"}
    given = lint("matrix", CLEAN, "-tp", "1", environment=environment)
    assert given.output == lint("matrix", CLEAN, "-tp", "1").output


def test_show_files_names_what_an_answer_rests_on(tmp_path: Path) -> None:
    model = copy_model("hf_llama", tmp_path)
    result = lint("check", "--isolated", "--show-files", "hf_llama")
    assert result.exit_code == 0
    shown = set(result.stdout.splitlines())
    assert shown >= {f"hf_llama/{file.name}" for file in model.glob("*.py")}
    assert "hf_llama/config.json" in shown
    assert all((tmp_path / name).is_file() for name in shown)
    assert lint("check", "--show-files", "nowhere").exit_code == 2


def test_show_settings_shows_what_holds_for_each_path(tmp_path: Path) -> None:
    copy_model("hf_llama", tmp_path)
    file = tmp_path / "hf_llama" / "forgather-lint.toml"
    text = 'ignore = ["FGL110"]\n[per-file-ignores]\n"old/*" = ["FGL1"]\n'
    file.write_text(text + "", "utf-8")
    copy_model("hf_tied", tmp_path)
    shown = lint("check", "hf_llama", "hf_tied", "--target=vllm==0.32", "--show-settings").stdout
    first, second = shown.split("# hf_tied: no configuration file\n")
    assert first.startswith(f"# hf_llama: {file}\n")
    settings = tomllib.loads(first)
    assert settings["ignore"] == ["FGL110"]
    assert settings["per-file-ignores"] == {"old/*": ["FGL1"]}
    assert settings["target"] == tomllib.loads(second)["target"] == ["vllm==0.32"]
    # What is shown can be taken for a configuration.
    here = [line for line in first.splitlines() if not line.startswith("cache-dir")]
    (tmp_path / "again.toml").write_text("\n".join(here), "utf-8")
    again = lint("check", "hf_llama", "--config=again.toml", "--show-settings").stdout
    assert again.splitlines()[1 : len(here)] == here[1:]


def test_verbose_says_which_configuration_was_read(tmp_path: Path) -> None:
    copy_model("hf_llama", tmp_path)
    assert "hf_llama: settings of no configuration file" in lint("check", "hf_llama", "-v").stderr
    file = tmp_path / "forgather-lint.toml"
    file.write_text('ignore = ["FGL110"]\n')
    assert f"hf_llama: settings of {file}" in lint("check", "hf_llama", "-v").stderr


def test_the_configuration_beside_the_model_counts(tmp_path: Path) -> None:
    model = copy_model("broken_llama", tmp_path)
    (tmp_path / "forgather-lint.toml").write_text(
        f'output-format = "json"\nselect = ["FGL101"]\n[per-file-ignores]\n"{PLAN}" = ["FGL1"]\n'
    )
    assert lint("check", model).stdout == "[]\n"
    assert lint("check", "--isolated", model).exit_code == 1
    (tmp_path / "other.toml").write_text('output-format = "github"\nselect = ["FGL101"]\n')
    assert lint("check", "--config=other.toml", model).stdout.startswith("::error ")


def test_a_mistake_in_the_configuration_exits_2(tmp_path: Path) -> None:
    (tmp_path / "forgather-lint.toml").write_text('selct = ["FGL1"]\n')
    result = lint("check", ".")
    assert result.exit_code == 2
    assert "unknown key 'selct', did you mean 'select'?" in result.stderr


def test_suppressions_silence_and_unused_ones_are_found(tmp_path: Path) -> None:
    model = copy_model("broken_llama", tmp_path)
    text = (model / PLAN).read_text()
    silenced = text.replace('": "colwise",', '": "colwise",  # noqa: FGL101')
    (model / PLAN).write_text(silenced)
    before = found("check", BROKEN, ONE_RULE)
    after = found("check", model, ONE_RULE, "--extend-select=FGL901")
    lines = silenced.splitlines()
    assert sum(len(one["places"]) or 1 for one in before) == 5
    (kept,) = [one for one in after if one["code"] == "FGL101"]
    assert '"rowwise"' in lines[kept["location"]["row"] - 1]
    (unused,) = [one for one in after if one["code"] == "FGL901"]
    line = lines[unused["location"]["row"] - 1]
    assert "feedforward.up_proj" in line
    assert line[unused["location"]["column"] - 1 :] == "# noqa: FGL101"


def test_colour_only_when_asked_or_on_a_terminal() -> None:
    assert "\x1b[" not in lint("check", BROKEN, ONE_RULE).output
    assert "\x1b[31m" in lint("check", BROKEN, ONE_RULE, "--color=always").output


def test_quiet_prints_findings_only() -> None:
    assert lint("check", CLEAN, ONE_RULE, "-q").output == ""
    assert "Found" not in lint("check", BROKEN, "-q", "--output-format=concise").output


def test_verbose_tells_what_is_read_on_stderr() -> None:
    result = lint("check", CLEAN, "-v")
    assert result.stdout == lint("check", CLEAN).stdout
    assert "hf_llama: " in result.stderr


def test_rule_explains_by_code_and_by_name() -> None:
    page = lint("rule", "FGL901").stdout
    assert page.startswith("# unused-suppression (FGL901)\n")
    assert "## Why is this bad?" in page
    assert lint("rule", "unused-suppression").stdout == page
    assert page in lint("rule", "--all").stdout


def test_rules_as_json() -> None:
    one = json.loads(lint("rule", "FGL901", "--output-format=json").stdout)
    assert (one["code"], one["name"], one["severity"]) == (
        "FGL901",
        "unused-suppression",
        "warning",
    )
    assert one in json.loads(lint("rule", "--all", "--output-format=json").stdout)


def test_version() -> None:
    text = lint("version").stdout
    assert text.startswith("forgather-lint ")
    assert lint("--version").stdout == lint("-V").stdout == text
    parsed = json.loads(lint("version", "--output-format=json").stdout)
    assert text == f"{parsed['name']} {parsed['version']}\n"


def test_help_lists_every_verb_with_what_it_does() -> None:
    text = lint("--help").stdout
    for verb in ("check", "rule", "version"):
        (line,) = (line for line in text.splitlines() if line.startswith(f"  {verb} "))
        assert len(line.split()) > 2
        assert lint(verb, "--help").exit_code == 0


def program(*arguments: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    """Run in a process of its own."""
    command = [sys.executable, "-m", "forgather_lint", *arguments]
    environment = os.environ | {"PYTHONPATH": str(MODELS.parents[1])} | options.pop("env", {})
    return subprocess.run(command, capture_output=True, env=environment, **options)


def test_a_reader_that_stops_early_causes_no_traceback() -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "forgather_lint", "rule", "--all"]
    environment = os.environ | {"PYTHONPATH": str(MODELS.parents[1])}
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, env=environment)
    os.close(write)
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("redirection", "arguments", "code", "says"),
    [
        ("<&-", ["verify", CLEAN, "--meta"], 2, "pass --yes to allow that"),
        (">&-", ["check", BROKEN], 1, ""),
        ("2>&-", ["check", CLEAN], 0, ""),
        ("2>/dev/full", ["check", "nowhere"], 2, ""),
        *(
            (">/dev/full", [verb, CLEAN], 2, "Error: the output cannot be written: No space left")
            for verb in ("check", "structure", "matrix", "plan")
        ),
        (">/dev/full", ["version"], 2, "Error: the output cannot be written: No space left"),
    ],
)
def test_a_stream_that_is_closed_or_full_causes_no_traceback(
    redirection: str, arguments: list[str], code: int, says: str
) -> None:
    command = [sys.executable, "-m", "forgather_lint", *arguments]
    environment = os.environ | {"PYTHONPATH": str(MODELS.parents[1])}
    shell = ["sh", "-c", f'"$@" {redirection}', "sh", *command]
    done = subprocess.run(shell, capture_output=True, env=environment, text=True)
    assert done.returncode == code, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) <= 1


def test_an_encoding_without_the_quoted_letters_causes_no_traceback(tmp_path: Path) -> None:
    model = copy_model("broken_llama", tmp_path)
    text = (model / PLAN).read_text("utf-8")
    (model / PLAN).write_text(text.replace('"colwise",', '"colwise",  # größer', 1), "utf-8")
    done = program("check", ONE_RULE, str(model), env={"PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stderr) == (1, b"")
    assert rb"# gr\xf6\xdfer" in done.stdout


def on_a_terminal(*arguments: str) -> str:
    """What a person sees: standard output and error are a terminal."""
    master, terminal = pty.openpty()
    environment = os.environ | {"PYTHONPATH": str(MODELS.parents[1]), "TERM": "xterm"}
    environment.pop("NO_COLOR", None)
    command = [sys.executable, "-m", "forgather_lint", *arguments]
    with subprocess.Popen(command, stdout=terminal, stderr=terminal, env=environment):
        os.close(terminal)
        shown = b""
        try:
            while chunk := os.read(master, 65536):
                shown += chunk
        except OSError:
            pass  # Linux ends a closed terminal with EIO
    os.close(master)
    return shown.decode()


def test_a_terminal_gets_colours_and_laid_out_pages() -> None:
    assert "\x1b[31m" in on_a_terminal("check", ONE_RULE, BROKEN)
    page = on_a_terminal("rule", "FGL901")
    assert "Why is this bad?" in page
    assert "## Why" not in page


class Terminal:
    """Records what is written to standard error."""

    def __init__(self, terminal: bool) -> None:
        self.terminal = terminal
        self.written = ""

    def isatty(self) -> bool:
        return self.terminal

    def write(self, text: str) -> None:
        self.written += text

    def flush(self) -> None:
        pass


@pytest.mark.parametrize(
    ("models", "terminal", "wanted", "drawn"),
    [
        (3, True, True, False),
        (4, True, True, True),
        (9, False, True, False),
        (9, True, False, False),
    ],
)
def test_progress_is_shown_for_more_than_a_few_models_on_a_terminal(
    models: int, terminal: bool, wanted: bool, drawn: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = Terminal(terminal)
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    with progress.Bar(wanted) as bar:
        bar.more(models)
        for number in range(models):
            bar.done(f"model{number}")
    assert (f"{models}/{models}" in stream.written) is drawn
    assert stream.written == "" or stream.written.endswith("\r\x1b[1A\x1b[2K"), "nothing stays"


def test_a_name_does_not_leave_the_line_of_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal(terminal=True)
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    with progress.Bar(True) as bar:
        bar.more(4)
        for _ in range(4):
            bar.done("a\n::error::injected\x1b[31m")
    assert "injected" in stream.written
    assert "\n::error" not in stream.written
    assert "\x1b[31m" not in stream.written


def test_the_text_of_a_file_may_come_from_standard_input(tmp_path: Path) -> None:
    """As editors hand it on: what is typed counts, the disk does not, and nothing is written."""
    model = copy_model("hf_llama", tmp_path)
    file = model / "configuration_hf_llama.py"
    whole = file.read_text("utf-8")
    command = [sys.executable, *CHECK, "--stdin-filename", str(file)]

    def run(text: str, *more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, *more], input=text, cwd=ROOT, capture_output=True, text=True
        )

    done = run(whole.replace("self_attn.q_proj", "self_attn.q_porj"), "-")
    assert done.returncode == 1
    assert "configuration_hf_llama.py:11:9: FGL101" in done.stdout
    assert '"layers.*.self_attn.q_porj": "colwise"' in done.stdout, "the typed line is quoted"
    assert run(whole).returncode == 0
    done = run(whole.replace("q_proj", "q_porj"), "--fix")
    assert done.returncode == 2
    assert "a text of standard input is not written" in done.stderr
    assert file.read_text("utf-8") == whole


def test_a_watched_model_is_checked_again_when_it_changes(tmp_path: Path) -> None:
    model = copy_model("hf_llama", tmp_path)
    file = model / "configuration_hf_llama.py"
    command = [*CHECK, "--watch", "--output-format", "concise", str(tmp_path)]
    with subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as watching:
        assert watching.stdout is not None
        lines: queue.Queue[str] = queue.Queue()
        reader = partial(_put_all, watching.stdout, lines)
        threading.Thread(target=reader, daemon=True).start()
        try:
            _wait_for("Found 1 info", lines)
            text = file.read_text("utf-8").replace("self_attn.q_proj", "self_attn.q_porj")
            file.write_text(text, "utf-8")
            _wait_for("FGL101", lines)
            copy_model("hf_tied", tmp_path)
            _wait_for("2 models", lines)
        finally:
            watching.kill()


def _put_all(stream: IO[str], lines: queue.Queue[str]) -> None:
    for line in stream:
        lines.put(line)


def _wait_for(text: str, lines: queue.Queue[str]) -> None:
    """Read up to the line that holds `text`, for a minute."""
    while text not in lines.get(timeout=60):
        pass


def test_a_process_that_ends_at_once_has_said_and_done_everything() -> None:
    code = (
        "import atexit, sys\n"
        "from forgather_lint.__main__ import run\n"
        "atexit.register(print, 'at exit')\n"
        "sys.argv = ['forgather-lint', 'check', '--isolated', 'fixtures/models/broken_llama']\n"
        "run()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert "FGL" in done.stdout
    assert done.stdout.splitlines()[-1] == "at exit"
    assert done.stderr == ""


def test_a_profiler_sees_the_end_of_the_process(tmp_path: Path) -> None:
    kept = str(tmp_path / "profile")
    command = [sys.executable, "-m", "cProfile", "-o", kept, "-m", "forgather_lint"]
    done = subprocess.run([*command, "version"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "profile").stat().st_size > 0

"""What stands around a model harms nobody: pipes, devices, links, names, folders, the shell."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from forgather_lint.core.files import read_at_most
from forgather_lint.core.settings import Settings
from forgather_lint.documents.comments import comments_of
from forgather_lint.engines.patterns import compile_pattern
from forgather_lint.linting.suppressions import suppressions
from forgather_lint.session.checking import check
from forgather_lint.shell.cli import cli
from tests.fixture_models import copy_model
from tests.forgather_projects import write_project

ROOT = Path(__file__).parent.parent
SECONDS = 5.0
MODEL = "modeling_hf_llama.py"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(each) for each in arguments])


def test_a_pipe_a_device_and_what_the_kernel_makes_up_are_never_read(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/zero"), tmp_path):
        with pytest.raises(OSError, match="not a regular file"):
            read_at_most(path, 10)
    if Path("/proc/version").exists():
        assert read_at_most(Path("/proc/version"), 10) == b""


def test_no_more_is_read_than_was_asked_for(tmp_path: Path) -> None:
    sparse = tmp_path / "sparse"
    with sparse.open("wb") as stream:
        stream.truncate(3 << 30)
    assert len(read_at_most(sparse, 1000)) == 1000


@pytest.mark.parametrize("name", ["config.json", MODEL, "forgather-lint.toml"])
def test_a_huge_file_ends_in_one_line(name: str, tmp_path: Path) -> None:
    folder = copy_model("hf_llama", tmp_path)
    with (folder / name).open("wb") as stream:
        stream.truncate(3 << 30)
    result = run("check", folder)
    assert result.exit_code in (1, 2)
    assert "larger than 1 MiB" in result.output


def test_what_a_link_leads_to_is_not_quoted(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("password = hunter2 (\n")
    folder = copy_model("hf_llama", tmp_path)
    (folder / MODEL).unlink()
    (folder / MODEL).symlink_to(tmp_path / "secret")
    result = run("check", folder)
    assert "FGL900" in result.output
    assert "hunter2" not in result.output


def test_a_snapshot_in_a_hub_cache_is_quoted(tmp_path: Path) -> None:
    cache = tmp_path / "models--a--b"
    (cache / "blobs").mkdir(parents=True)
    (cache / "blobs" / "1").write_text("broken = (\n")
    (cache / "blobs" / "2").write_text('{"architectures": ["X"], "model_type": "x"}')
    snapshot = cache / "snapshots" / "0"
    snapshot.mkdir(parents=True)
    (snapshot / "modeling_x.py").symlink_to("../../blobs/1")
    (snapshot / "config.json").symlink_to("../../blobs/2")
    assert "broken = (" in run("check", snapshot).output


def test_a_folder_that_may_not_be_entered_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "closed").mkdir()
    copy_model("hf_llama", tmp_path)
    real = os.stat

    def refusing(path: object, *given: object, **named: object) -> os.stat_result:
        if "closed/" in str(path):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "stat", refusing)
    assert [report.error for report in check([tmp_path], Settings())] == [None]


def test_nobody_needs_a_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    project = write_project(tmp_path, {"configs/a.yaml": "home: '{{ user_home_dir() }}'\n"})
    assert str(project.render("a.yaml").text) == "home: '/nonexistent'"


def test_a_template_starts_no_process(tmp_path: Path) -> None:
    """In a process of its own: `platform` remembers what it has asked for once."""
    template = "a: '{{ uname.processor }} {{ uname.system }} {{ uname }} {{ versions }}'\n"
    write_project(tmp_path, {"configs/a.yaml": template})
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from forgather_lint.forgather.library import TemplateLibrary\n"
        "from forgather_lint.forgather.project import read_project\n"
        "def hook(event, given):\n"
        "    if event.startswith(('subprocess.', 'os.fork', 'os.exec', 'os.posix_spawn')):\n"
        "        print('started', event, given, flush=True)\n"
        "sys.addaudithook(hook)\n"
        f"rendering = read_project(Path({str(tmp_path)!r}), TemplateLibrary()).render('a.yaml')\n"
        "assert rendering.ended is None\n"
        "print(rendering.text.plain)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    python = [sys.executable, "-c", code]
    ended = subprocess.run(python, env=environment, capture_output=True, text=True, check=True)
    assert ended.stdout.startswith("a: ' ")


def test_a_model_folder_lends_no_libraries(tmp_path: Path) -> None:
    folder = copy_model("hf_llama", tmp_path)
    for name in ("click", "rich", "yaml", "libcst", "gc", "pathlib"):
        (folder / f"{name}.py").write_text("raise SystemExit('taken over')\n")
    python = [sys.executable, "-m", "forgather_lint", "check", "."]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        python, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert "taken over" not in ended.stderr + ended.stdout
    assert ended.returncode in (0, 1)


EVIL = "a\n::error::injected\x1b[31m"


def test_a_name_begins_no_line_of_its_own(tmp_path: Path) -> None:
    folder = copy_model("hf_llama", tmp_path / EVIL)
    source = (folder / MODEL).read_text("utf-8")
    (folder / MODEL).write_text(source.replace('"o_proj"', f'"o_proj{EVIL!r}"'), "utf-8")
    broken = tmp_path / EVIL / "broken"
    broken.mkdir()
    (broken / "config.json").write_text("{")
    for arguments in (
        ("check", tmp_path / EVIL),
        ("check", "--verbose", tmp_path / EVIL),
        ("check", "--output-format", "github", tmp_path / EVIL),
        ("structure", "--params", folder),
        ("structure", broken),
        ("plan", folder),
        ("plan", "--infer", folder),
        ("matrix", folder),
        ("check", tmp_path / "not there" / EVIL),
        ("structure", tmp_path / "not there" / EVIL),
    ):
        output = run(*arguments).output
        assert not any(line.startswith("::error::inj") for line in output.splitlines()), arguments
        assert "\x1b[31m" not in output, arguments


def test_sarif_of_a_folder_whose_name_is_not_utf8(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": ')
    result = run("check", "--output-format", "sarif", folder)
    assert result.exit_code == 1, result.output
    (found,) = json.loads(result.stdout)["runs"][0]["results"]
    assert "caf%E9" in found["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]


TEXTS = {
    "noqa above comments": "# noqa: FGL101\n" * 20_000,
    "openings": "x = 1 " + "# forgather-lint: ignore[" * 10_000,
    "blanks": "\n" * 20_000 + "# noqa: FGL101\nx = 1\n",
}


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("suffix", [".py", ".yaml"])
def test_comments_are_read_in_linear_time(name: str, suffix: str) -> None:
    started = time.process_time()
    suppressions(f"a{suffix}", TEXTS[name])
    assert time.process_time() - started < SECONDS


def test_yaml_is_scanned_within_bounds() -> None:
    started = time.process_time()
    list(comments_of("a.yaml", "[" * 200_000 + "  # noqa"))
    assert time.process_time() - started < SECONDS


def test_an_escaped_backslash_may_be_repeated() -> None:
    """`\\\\*` repeats a backslash; many of them are tried in as many ways as a `.*` each."""
    pattern = compile_pattern("layers.0.self_attn." + r"\\*" * 30 + "x")
    assert not isinstance(pattern, str)
    assert getattr(pattern, "matches")("layers.0.self_attn." + "\\" * 100) is None  # noqa: B009

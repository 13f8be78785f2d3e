"""Every tool says what it is for when it is asked, and does nothing then."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from subprocess import run

import pytest

ROOT = Path(__file__).parent.parent
CHILDREN = {"oracles.commands_child", "oracles.ranks", "tests.merge_truth", "tests.meta_truth"}
"""What only other tools start; they take no options."""

TOOLS = sorted(
    {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__main__")
        for folder in ("tools", "tests", "oracles")
        for path in (ROOT / folder).rglob("*.py")
        if '\nif __name__ == "__main__":\n' in path.read_text("utf-8")
    }
    - CHILDREN
)


def test_the_tools_are_found() -> None:
    assert {"oracles", "tests.fuzz", "tests.snapshots", "tools.benchmark"} <= set(TOOLS)


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")
def test_a_tool_says_what_it_is_for(
    tool: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [tool, "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(tool, run_name="__main__", alter_sys=True)
    shown = capsys.readouterr().out
    assert ended.value.code in (0, None), shown
    assert f"python -m {tool}" in shown
    assert not any(tmp_path.iterdir())


def test_a_tool_that_reads_releases_refuses_another_file(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no wheel\n", "utf-8")
    ended = run(
        [sys.executable, "-m", "tools.ports", str(tmp_path / "notes.txt")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stderr.endswith("notes.txt is neither a wheel nor a folder\n")
    assert "Traceback" not in ended.stderr

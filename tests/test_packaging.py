"""What is shipped: the wheel holds the engine and the rules, and works where it is installed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest

from forgather_lint.linting.registry import builtin_rules

ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.slow


def run(*arguments: str | Path, cwd: Path = ROOT) -> str:
    done = subprocess.run(list(map(str, arguments)), cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", folder, ROOT)
    (built,) = folder.glob("*.whl")
    return built


def members(wheel: Path, below: str) -> set[str]:
    with ZipFile(wheel) as archive:
        return {name.removeprefix(below) for name in archive.namelist() if name.startswith(below)}


def tracked(folder: str) -> Iterator[str]:
    """The files below `folder` that are under version control, relative to it."""
    for name in run("git", "ls-files", folder).splitlines():
        yield name.removeprefix(f"{folder}/")


def test_the_rules_of_the_wheel_are_those_of_the_repository(wheel: Path) -> None:
    python = {name for name in tracked("rules") if name.endswith(".py")}
    assert members(wheel, "forgather_lint/rules/") == python


def test_nothing_of_the_engine_is_missing_and_nothing_else_is_shipped(wheel: Path) -> None:
    shipped = {name for name in members(wheel, "forgather_lint/") if not name.startswith("rules/")}
    assert shipped == set(tracked("forgather_lint"))
    top = {name.partition("/")[0] for name in members(wheel, "")}
    assert {name for name in top if not name.endswith(".dist-info")} == {"forgather_lint"}


def test_the_installed_tool_knows_every_rule(wheel: Path, tmp_path: Path) -> None:
    run(sys.executable, "-m", "venv", tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", wheel)
    program = tmp_path / "venv" / "bin" / "forgather-lint"
    pages = run(program, "rule", "--all", cwd=tmp_path)
    assert [rule.code for rule in builtin_rules() if f"({rule.code})" not in pages] == []
    model = ROOT / "fixtures" / "models" / "forgather_llama"
    assert "1 model" in run(program, "check", "--exit-zero", model, cwd=tmp_path)

"""What `python -m tools.new` writes passes its own tests, in a copy of the repository."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NEEDED = ("forgather_lint", "rules", "oracles", "tests", "tools", "fixtures/rules")
ALONE = ("CONTRIBUTING.md", "README.md", "pyproject.toml", "fixtures/models", "fixtures/ports.toml")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The repository without what none of these tests reads."""
    for name in (*NEEDED, *ALONE):
        source, target = ROOT / name, tmp_path / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    return tmp_path


def run(folder: Path, *arguments: str, fails: bool = False) -> str:
    command = [sys.executable, *arguments]
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(folder)}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment)
    assert (done.returncode != 0) == fails, done.stdout + done.stderr
    return done.stdout + done.stderr


def passes(folder: Path, *arguments: str) -> None:
    """The tests named pass, and at least one is run; the house has its form."""
    told = run(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments)
    assert " passed" in told or "[100%]" in told
    run(folder, "-m", "ruff", "check", "-q", "forgather_lint", "rules", "tests")
    run(folder, "-m", "ruff", "format", "-q", "--check", "forgather_lint", "rules", "tests")


def new(folder: Path, *arguments: str, fails: bool = False) -> str:
    return run(folder, "-m", "tools.new", *arguments, fails=fails)


@pytest.mark.parametrize("family", ["modules", "serving"])
def test_a_rule_finds_its_case_and_no_other(copy: Path, family: str) -> None:
    new(copy, "rule", family, "head-is-upside-down")
    assert "head_is_upside_down" in (
        copy / "fixtures" / "rules" / family / "head_is_upside_down.txt"
    ).read_text("utf-8")
    tests = ("tests/test_house.py", "tests/test_rules.py", "tests/test_causes.py")
    chosen = "house or upside or HeadIsUpsideDown or unique or one_rule_in_each_file or shell"
    passes(copy, *tests, "tests/test_fixtures.py", "-k", chosen)
    assert "is the name of another rule" in new(
        copy, "rule", family, "head-is-upside-down", fails=True
    )


def test_an_operation_answers_as_torch_does(copy: Path) -> None:
    pytest.importorskip("torch")
    new(copy, "operation", "torch.special.erfcx", "--family", "pointwise")
    tests = ("tests/test_ops_shapes.py", "tests/test_ops_placements.py")
    passes(copy, *tests, "-k", "erfcx")
    told = new(copy, "operation", "torch.special.erfcx", "--family", "pointwise", fails=True)
    assert "torch.special.erfcx: has a meaning" in told


def test_a_release_may_be_asked_for(copy: Path) -> None:
    new(copy, "release", "vllm", "0.88.0", "--requires", ">=5.16.1,<5.22.0", "--torch", "2.15.0")
    model = ("matrix", "fixtures/models/hf_llama", "--target", "vllm==0.88.0")
    told = run(copy, "-m", "forgather_lint", *model)
    assert told.startswith("vLLM 0.88.0 with ")
    assert "serves" in told
    passes(copy, "tests/test_targets.py", "tests/test_facts_are_read.py")
    assert "is known" in new(copy, "release", "vllm", "0.88.0", fails=True)


def test_an_engine_leaves_models_undecided(copy: Path) -> None:
    named = ("--title", "LM Serve", "--requires", "==5.19.0")
    new(copy, "engine", "lmserve", "1.2.0", *named)
    tests = ("tests/test_house.py", "tests/test_facts_are_read.py", "tests/test_engine_texts.py")
    passes(copy, *tests, "tests/test_lmserve.py")
    assert "is known" in new(copy, "engine", "lmserve", "1.2.0", *named, fails=True)

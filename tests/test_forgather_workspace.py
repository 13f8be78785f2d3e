"""Workspaces: what projects share is read once, and many of them cost little more than one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from forgather_lint import pipeline
from forgather_lint.core.diagnostics import Diagnostic, Severity
from forgather_lint.core.settings import Settings
from forgather_lint.core.source import file_start
from forgather_lint.documents.model_input import ModelInput
from forgather_lint.forgather import library as library_module
from forgather_lint.forgather import lint
from forgather_lint.forgather.configuration import read_configuration
from forgather_lint.forgather.library import TemplateFile, TemplateLibrary
from forgather_lint.forgather.project import read_project
from forgather_lint.linting.report import Found, ModelReport
from forgather_lint.session import checking
from tests.fixture_models import MODELS
from tests.forgather_projects import CONFIGURATIONS, FIXTURES, WORKSPACE, write_workspace

MOST = 10.0


def test_a_template_is_read_and_compiled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    reads: Counter[Path] = Counter()
    read = library_module._read

    def counted(path: Path) -> TemplateFile:
        reads[path] += 1
        return read(path)

    monkeypatch.setattr(library_module, "_read", counted)
    library = TemplateLibrary()
    for name in ("llama", "post_norm", "tokenizer"):
        project = read_project(WORKSPACE / name, library)
        for config in project.configs:
            read_configuration(project, config)
    shared = {path.name for path in reads}
    assert {"dynamic_llama.yaml", "config_type.yaml", "meta_defaults.yaml"} <= shared
    assert set(reads.values()) == {1}
    assert {path for path, _ in library.code} == {path for path in reads if path.suffix != ".md"}


LLAMA = "forgather/checkout/templatelib/examples/models/transformers/dynamic_llama.yaml"


@pytest.fixture
def twice(tmp_path: Path) -> Path:
    """A workspace in which two projects make the same two models, with a plan that has faults."""
    shutil.copytree(FIXTURES, tmp_path / "forgather")
    shutil.copytree(MODELS / "forgather_llama", tmp_path / "models" / "forgather_llama")
    (tmp_path / ".git").mkdir()
    template = tmp_path / LLAMA
    text = template.read_text("utf-8")
    for old, new in (
        ('up_proj": "colwise', 'up_porj": "colwise'),
        ('gate_proj": "colwise', 'gate_proj": "colwsie'),
    ):
        assert old in text
        text = text.replace(old, new)
    template.write_text(text, "utf-8")
    workspace = tmp_path / "forgather" / "workspace"
    shutil.rmtree(workspace / "post_norm")
    shutil.copytree(workspace / "llama", workspace / "other")
    return workspace


def reports(path: Path) -> list[ModelReport]:
    return list(checking.check([path], Settings(root=str(path.parent))))


def test_a_model_that_two_configurations_make_is_judged_once(
    twice: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And told for each as if it had been judged alone."""
    alone = [report for name in ("llama", "other") for report in reports(twice / name)]
    judged: list[str] = []
    facts_of_model = pipeline.facts_of_model

    def noted(model: ModelInput, settings: Settings) -> tuple[list[object], tuple[str, ...]]:
        judged.append(model.path)
        return facts_of_model(model, settings)

    monkeypatch.setattr(pipeline, "facts_of_model", noted)
    together = [report for report in reports(twice) if report.verdicts]
    assert {Path(path).parts[-4] for path in judged} == {"llama"}
    assert [replace(report, looked_at={}) for report in together] == [
        replace(report, looked_at={}) for report in alone
    ]
    for ours, single in zip(together, alone, strict=True):
        assert {each.code for each in ours.diagnostics} >= {"FGL101", "FGL102"}
        assert list(map(told, ours.diagnostics)) == list(map(told, single.diagnostics))


def told(diagnostic: Diagnostic) -> str:
    """All of a diagnostic, also what does not count when two are compared."""
    return repr(diagnostic)


def test_findings_that_mention_a_file_are_not_shared_with_another() -> None:
    path = str(Path("p", "configs", "small.yaml"))
    other = str(Path("q", "configs", "b.yaml"))
    for text, shared in (("all is well", True), (f"see {path}", False), ("small.yaml", False)):
        diagnostic = Diagnostic(file_start(path), "FGL101", text, "x", Severity.ERROR, model=path)
        found = lint._respelt(Found((diagnostic,)), {path: other})
        assert (found is not None) == shared
        if found is not None:
            (moved,) = found.diagnostics
            assert (moved.span.path, moved.model) == (other, other)


def cpu_seconds(*paths: Path) -> tuple[int, float]:
    """How many configurations were linted in a fresh process, and its processor time."""
    code = (
        "import sys, time; from pathlib import Path; "
        "from forgather_lint.session import checking; "
        "from forgather_lint.core.settings import Settings; "
        "n = sum(1 for _ in checking.check([Path(p) for p in sys.argv[1:]], Settings())); "
        "print(n, time.process_time())"
    )
    command = [sys.executable, "-c", code, *map(str, paths)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=FIXTURES.parents[1]
    )
    count, seconds = done.stdout.split()
    return int(count), float(seconds)


@pytest.mark.slow
def test_a_workspace_costs_less_than_ten_of_its_largest_configuration(tmp_path: Path) -> None:
    workspace = write_workspace(tmp_path)
    one, alone = cpu_seconds(workspace / "llama" / "templates" / "configs" / "wide.yaml")
    count, together = cpu_seconds(workspace)
    print(f"{count} configurations: {together:.1f} s; one: {alone:.1f} s; {together / alone:.1f}x")
    assert one == 1
    assert count >= CONFIGURATIONS
    assert together < MOST * alone

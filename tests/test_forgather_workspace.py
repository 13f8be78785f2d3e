"""Workspaces: what projects share is read once, and many of them cost little more than one."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from forgather_lint.forgather import library as library_module
from forgather_lint.forgather.configuration import read_configuration
from forgather_lint.forgather.library import TemplateFile, TemplateLibrary
from forgather_lint.forgather.project import read_project
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


def cpu_seconds(*paths: Path) -> tuple[int, float]:
    """How many configurations were linted in a fresh process, and its processor time."""
    code = (
        "import sys, time; from pathlib import Path; from forgather_lint import pipeline; "
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

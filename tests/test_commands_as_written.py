"""Commands as people write them in scripts, images, charts and Python, and what is told of each.

The forms are those of public repositories. Below `fixtures/commands` is a folder for each; all of
them name the model `models/llama`, which is `hf_llama`. `told.txt` has what is said of vLLM 0.32:
the file, the line, the code, with a question mark behind that of a warning.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from forgather_lint import pipeline
from forgather_lint.core.diagnostics import Severity
from forgather_lint.core.settings import Settings
from forgather_lint.documents.commands.found import kind_of
from tests.fixture_models import MODELS

TARGET = ("vllm==0.32", "transformers==5.19")
WRITTEN = Path(__file__).parents[1] / "fixtures" / "commands"
TOLD = "told.txt"


@pytest.mark.parametrize("folder", sorted(WRITTEN.iterdir()), ids=lambda path: path.name)
def test_commands_are_found_as_they_are_written(folder: Path, tmp_path: Path) -> None:
    here = shutil.copytree(folder, tmp_path / "here")
    (here / "models").mkdir()
    (here / "models" / "llama").symlink_to(MODELS / "hf_llama")
    told = set()
    for file in (here / each.relative_to(folder) for each in folder.rglob("*") if each.is_file()):
        if file.name == TOLD:
            continue
        assert kind_of(file) is not None
        report = pipeline.check_commands(file, here, Settings(target=TARGET))
        for each in report.diagnostics if report is not None else ():
            where = Path(each.span.path).relative_to(here)
            sure = "" if each.severity is Severity.ERROR else "?"
            told.add(f"{where}:{each.span.start.row} {each.code}{sure}")
    assert sorted(told) == (folder / TOLD).read_text("utf-8").splitlines()

"""The table of public models: as it was taken, and how it is taken; none of their code is here."""

from __future__ import annotations

import subprocess
from collections import Counter
from pathlib import Path

import pytest

from forgather_lint.documents.single_file import single_model
from oracles.stored import VERDICTS, read
from tools.comparison import Status, compared
from tools.public_models import Listed, Mirror, listed, stored, summary

FIXTURES = Path(__file__).parents[1] / "fixtures"
LLAMA = FIXTURES / "models" / "hf_llama"
TABLE = stored()


def test_every_listed_model_is_in_the_table() -> None:
    names = [each["name"] for each in listed()]
    assert len(set(names)) == len(names) >= 100
    assert [each["name"] for each in TABLE["models"]] == names
    for told, one in zip(TABLE["models"], listed(), strict=True):
        assert (told["repository"], told["commit"]) == (one["repository"], one["commit"])


def test_nothing_crashed_and_few_cells_are_unknown() -> None:
    cells = Counter(cell for each in TABLE["models"] for cell in each["cells"].values())
    assert cells["crashes"] == 0
    assert cells["unknown"] < 0.05 * cells.total()
    assert not [each["name"] for each in TABLE["models"] if each["tree"] == Status.CRASHED]


def test_what_is_said_of_those_that_the_engine_was_asked_about_is_what_it_did() -> None:
    """Eleven of them, made small; fla's own packages were there."""
    said = {each["name"]: each["cells"] for each in TABLE["models"]}
    outcomes = read(VERDICTS / "public_vllm_0.32.json")["outcomes"]
    assert len(outcomes) == 11
    for case, outcome in outcomes.items():
        size, name = case.split(" ", 1)
        assert said[name][size] == outcome["verdict"], case


def test_the_counts_are_those_of_the_models() -> None:
    assert summary(TABLE["models"]).startswith(f"{len(TABLE['models'])} models of ")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ("ValueError: sizes differ", Status.DIFFERS),
        ("ModuleNotFoundError: No module named 'fla'", Status.NO_TRUTH),
        (None, Status.NO_TRUTH),
    ],
)
def test_what_pytorch_cannot_build_and_we_can_is_a_difference(
    error: str | None, status: Status
) -> None:
    assert compared(single_model(LLAMA), None, error).status is status


def test_a_repository_is_laid_out_as_it_was_at_a_commit(tmp_path: Path) -> None:
    git = tmp_path / "mirror" / "owner+name"
    (git / "model").mkdir(parents=True)
    for name in ("modeling.py", "model.safetensors.index.json", "weights.bin"):
        (git / "model" / name).write_text("x = 1\n", "utf-8")
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "all"]):
        told = ("-c", "user.name=a", "-c", "user.email=a@b")
        subprocess.run(["git", "-C", str(git), *told, *command], check=True)
    said = subprocess.run(
        ["git", "-C", str(git), "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    )
    one = Listed(
        name="n", repository="owner/name", commit=said.stdout.strip(), path="model", config={"a": 1}
    )
    folder = Mirror(tmp_path / "mirror").lay_out(one, tmp_path / "out")
    assert sorted(each.name for each in folder.iterdir()) == ["config.json", "modeling.py"]

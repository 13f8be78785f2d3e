"""A branch that raises in a module of its own leaves no trace on what runs after it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from forgather_lint.shell.commands.plan import command
from tests.cases import read_cases, without_expectations

SUITE = Path(__file__).parents[1] / "fixtures/rules/serving/layer_index_shared.md"
GUARD = """
class Guard(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.limit = nn.Linear(config.hidden_size, 1)

    def forward(self, hidden_states):
        raise ValueError("overflow")


class TinyModel("""
GUARDED = """        hidden_states = inputs_embeds
        if hidden_states.abs().max() > 1000:
            self.guard(hidden_states)
"""
CAUGHT = """        hidden_states = inputs_embeds
        try:
            self.guard(hidden_states)
        except ValueError:
            pass
"""


@pytest.mark.parametrize("guarded", [GUARDED, CAUGHT], ids=["branch", "caught"])
def test_the_inferred_pipeline_goes_on_behind_it(guarded: str, tmp_path: Path) -> None:
    case = next(each for each in read_cases(SUITE) if not each.expected)
    for name, text in case.files.items():
        (tmp_path / name).write_text(without_expectations(text), "utf-8")
    model = tmp_path / "modeling_tiny.py"
    text = model.read_text("utf-8").replace("\nclass TinyModel(", GUARD)
    text = text.replace("        hidden_states = inputs_embeds\n", guarded)
    text = text.replace(
        "        self.layers =", "        self.guard = Guard(config)\n        self.layers ="
    )
    model.write_text(text, "utf-8")
    found = CliRunner().invoke(command, ["--infer", str(tmp_path)])
    assert found.exit_code == 0, found.output
    plan = found.stdout.partition("base_model_pp_plan")[2]
    assert all(f'"{name}": (' in plan for name in ("embed_tokens", "layers", "norm"))

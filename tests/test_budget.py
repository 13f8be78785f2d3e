"""The step budget bounds one run: it says so, spares what is cheap, and keeps what was found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from forgather_lint.core.settings import Settings
from forgather_lint.documents.single_file import single_model
from forgather_lint.engines.matrix import cell, examine
from forgather_lint.engines.vllm.checks import problems
from forgather_lint.engines.vllm.checks.checked_model import CheckedModel
from forgather_lint.engines.vllm.checks.phases import Phase, all_checks
from forgather_lint.engines.vllm.target import VllmTarget
from forgather_lint.execution.outcome import Verdict
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.registry import code_of
from forgather_lint.model.analysis import Built, build_tree, builder_of
from forgather_lint.python.interpreter.budget import BudgetExceeded
from forgather_lint.session.checking import check
from tests.fixture_models import copy_model

V032 = VllmTarget.of("0.32.0", "5.19.0")
HEAD_SIZE = "        self.head_dim = config.head_dim\n"
TABLE = "self.table = torch.tensor([math.log(i, 2048) if i > 2048 else 1 for i in range(1, 32768)])"
FOREVER = "while True:\n            self.last = self.head_dim"
BUILT = "HfLlamaDecoderLayer(config, layer_idx)"


def _with(tmp_path: Path, text: str, layer: str = BUILT, layers: int = 32) -> Path:
    """hf_llama with `text` in the constructor of its attention."""
    model = copy_model("hf_llama", tmp_path, num_hidden_layers=layers)
    path = model / "modeling_hf_llama.py"
    source = path.read_text("utf-8")
    assert BUILT in source
    head, cls, rest = source.partition("class HfLlamaAttention(")
    rest = rest.replace(HEAD_SIZE, f"{HEAD_SIZE}        {text}\n", 1).replace(BUILT, layer)
    path.write_text(f"{head}import math\n\n\n{cls}{rest}", "utf-8")
    return model


@pytest.mark.parametrize(
    ("layer", "layers"),
    [(BUILT, 32), ("HfLlamaDecoderLayer(config, int(str(layer_idx)))", 8)],
    ids=["copied", "each built"],
)
def test_a_large_table_in_each_layer_is_served(layer: str, layers: int, tmp_path: Path) -> None:
    model = _with(tmp_path, TABLE, layer, layers)
    prepared = examine(single_model(model), V032, "bfloat16")
    for ranks in (1, 2):
        assert cell(prepared, ranks, 1).outcome.verdict is Verdict.SERVES


def test_a_table_holds_the_numbers_that_python_computes(tmp_path: Path) -> None:
    path = tmp_path / "model.py"
    elements = [
        "x ** 2 // 3 % 7",
        "math.floor(math.log(x + 1, 3)) if x > 50 and not x % 3 else -x",
        "round(abs(x - 60) / 2) or 5",
        "max(x, 100) - min(x, width)",
        "2 ** x > 10 ** 9",
    ]
    sums = "".join(
        f"        items = [{each} for x in range(120) if x != 7]\n"
        f"        self.part{i} = nn.Linear(4, 1 + abs(sum(items)))\n"
        for i, each in enumerate(elements)
    )
    path.write_text(
        "import math\nfrom torch import nn\n\n\nclass Model(nn.Module):\n    def __init__(self):\n"
        f"        super().__init__()\n        width = 3\n{sums}\n",
        "utf-8",
    )
    built = build_tree(builder_of(single_model(path)))
    assert isinstance(built, Built), built
    shapes = {each.name: each.shape for each in built.structure.parameters}
    for i, each in enumerate(elements):
        names = {"math": __import__("math"), "width": 3}
        truth = sum(eval(f"[{each} for x in range(120) if x != 7]", names))
        assert shapes[f"part{i}.weight"] == (1 + abs(truth), 4), each


def test_what_does_not_end_is_undecided_and_says_so(tmp_path: Path) -> None:
    model = _with(tmp_path, FOREVER, layers=2)
    (report,) = check([model], Settings())
    assert "FGL902" in {each.code for each in report.diagnostics}
    prepared = examine(single_model(model), V032, "bfloat16")
    assert cell(prepared, 2, 1).outcome.verdict is Verdict.UNKNOWN


def test_what_was_found_before_the_search_was_given_up_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A last check runs out of budget: the problem that an earlier one found is told."""
    model = copy_model("forgather_llama", tmp_path)
    before = examine(single_model(model), V032, "bfloat16").problems
    assert before

    def exceeded(_: CheckedModel) -> Iterator[ServingProblem]:
        raise BudgetExceeded("step-budget")

    checks = all_checks()
    monkeypatch.setattr(problems, "all_checks", lambda: (*checks, exceeded))
    monkeypatch.setattr(problems, "phase_of", lambda _: Phase.BUILD)
    prepared = examine(single_model(model), V032, "bfloat16")
    assert list(map(code_of, prepared.problems)) == list(map(code_of, before))
    served = examine(single_model(copy_model("hf_llama", tmp_path)), V032, "bfloat16")
    outcome = cell(served, 2, 1).outcome
    assert (outcome.verdict, outcome.reason) == (Verdict.UNKNOWN, "step-budget")


def test_a_config_that_does_not_end_is_undecided(tmp_path: Path) -> None:
    model = copy_model("hf_llama", tmp_path)
    path = model / "configuration_hf_llama.py"
    first = "        self.vocab_size = vocab_size\n"
    text = path.read_text("utf-8").replace(first, f"{first}        while True:\n            pass\n")
    path.write_text(text, "utf-8")
    prepared = examine(single_model(model), V032, "bfloat16")
    assert cell(prepared, 2, 1).outcome.verdict is Verdict.UNKNOWN

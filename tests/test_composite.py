"""Configs with a config for text inside: the plan of the whole, the heads, what is not judged."""

from __future__ import annotations

import json
from pathlib import Path

from forgather_lint.core.recursion import deep_recursion
from forgather_lint.documents.single_file import single_model
from forgather_lint.engines.matrix import matrix
from forgather_lint.engines.vllm.subject import prepare
from forgather_lint.engines.vllm.target import VllmTarget
from forgather_lint.execution.outcome import Verdict
from forgather_lint.linting.registry import code_of
from tests.cases import read_cases

NEWEST = VllmTarget.of("0.32.0", "5.19.0")
OLD = VllmTarget.of("0.13.0", "4.57.6")
SUITE = Path(__file__).parent.parent / "fixtures/rules/serving/processor_missing.md"


def write(folder: Path, **text_config: object) -> None:
    next(iter(read_cases(SUITE))).write(folder)
    file = folder / "config.json"
    config = json.loads(file.read_text())
    file.write_text(json.dumps({**config, "text_config": {**config["text_config"], **text_config}}))


def test_the_heads_are_those_of_the_text_part(tmp_path: Path) -> None:
    write(tmp_path)
    for target in (OLD, NEWEST):
        judge = prepare(single_model(tmp_path), target, "bfloat16").judge
        assert judge is not None
        with deep_recursion():
            heads = judge.heads
            found = [judge.outcome(ranks, 1).verdict for ranks in (1, 2)]
        assert heads is not None
        assert (heads.query, heads.kv, heads.size) == (4, 2, 16)
        assert found == [Verdict.SERVES, Verdict.SERVES]


def test_heads_that_do_not_divide_fail(tmp_path: Path) -> None:
    write(tmp_path, num_attention_heads=6, num_key_value_heads=6, hidden_size=96)
    (cell,) = matrix(single_model(tmp_path), [NEWEST], (4,), (1,), "bfloat16")
    assert code_of(cell.outcome) == "FGL210"
    assert "(6) must be divisible" in cell.outcome.reason


def test_what_serves_but_for_its_processor_is_undecided(tmp_path: Path) -> None:
    write(tmp_path)
    for cell in matrix(single_model(tmp_path), [NEWEST], (1, 2), (1, 2), "bfloat16"):
        assert (cell.outcome.verdict, cell.outcome.reason) == (
            Verdict.UNKNOWN,
            "processor-not-judged",
        )


def test_the_plan_of_the_whole_has_the_entries_of_its_part(tmp_path: Path) -> None:
    write(tmp_path)
    judge = prepare(single_model(tmp_path), NEWEST, "bfloat16").judge
    assert judge is not None
    styles = judge.subject.styles
    assert styles["language_model.layers.*.self_attn.q_proj"] == "colwise"
    assert list(judge.subject.pipeline_keys) == [
        "language_model.embed_tokens",
        "language_model.layers",
        "language_model.norm",
    ]


def test_quantised_weights_of_the_text_part_are_undecided(tmp_path: Path) -> None:
    write(tmp_path, quantization_config={"quant_method": "awq"})
    (cell,) = matrix(single_model(tmp_path), [NEWEST], (1,), (1,), "bfloat16")
    assert (cell.outcome.verdict, cell.outcome.reason) == (Verdict.UNKNOWN, "quantization")
    assert cell.bytes_per_rank is None

"""A model that serves, broken in ways that rules mend, serves as before when it is mended."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from forgather_lint.core.files import laid_over
from forgather_lint.core.settings import Settings
from forgather_lint.facts.sizes import SERVES
from forgather_lint.linting.report import ModelReport
from forgather_lint.session import checking
from forgather_lint.session.fixing import Fixing
from forgather_lint.session.texts import Texts, contents
from tests.fixture_models import copy_model

PLAN, CODE, CONFIG = "configuration_hf_llama.py", "modeling_hf_llama.py", "config.json"
SHARDS_BY_PLAN = ("vllm==0.13", "transformers==4.57")
"""A release that leaves what the plan leaves; a later one shards most blocks by itself."""
HAS_STAGES = ("vllm==0.32", "transformers==5.19")
"""A release without the defect by which that one fails on stages."""
TENSOR = re.compile(r"    base_model_tp_plan = \{.*?\n    \}\n", re.DOTALL)
STAGED = re.compile(r"    base_model_pp_plan = \{.*?\n    \}\n", re.DOTALL)

Change = tuple[str | re.Pattern[str], str]
BREAKS: dict[str, tuple[str, tuple[str, ...], str, tuple[Change, ...]]] = {
    "a misspelt pattern": ("FGL101", SHARDS_BY_PLAN, PLAN, (("k_proj", "k_porj"),)),
    "Forgather's names": (
        "FGL101",
        SHARDS_BY_PLAN,
        PLAN,
        (
            ("self_attn.q_proj", "attention.query_linear"),
            ("self_attn.k_proj", "attention.key_linear"),
            ("self_attn.v_proj", "attention.value_linear"),
            ("self_attn.o_proj", "attention.output_linear"),
        ),
    ),
    "a prefix too many": ("FGL101", SHARDS_BY_PLAN, PLAN, (('"layers.*', '"model.layers.*'),)),
    "siblings left out": (
        "FGL109",
        SHARDS_BY_PLAN,
        PLAN,
        ((re.compile(r".*[kv]_proj.*\n"), ""),),
    ),
    "the row-parallel half left out": (
        "FGL107",
        SHARDS_BY_PLAN,
        PLAN,
        ((re.compile(r".*down_proj.*\n"), ""),),
    ),
    "the column-parallel half left out": (
        "FGL108",
        SHARDS_BY_PLAN,
        PLAN,
        ((re.compile(r".*(gate|up)_proj.*\n"), ""),),
    ),
    "the one style that serves": (
        "FGL202",
        SHARDS_BY_PLAN,
        PLAN,
        (('q_proj": "colwise"', 'q_proj": "rowwise"'),),
    ),
    "a misspelt style": (
        "FGL102",
        SHARDS_BY_PLAN,
        PLAN,
        (('q_proj": "colwise"', 'q_proj": "colwize"'),),
    ),
    "a parameter named": ("FGL104", SHARDS_BY_PLAN, PLAN, (("q_proj", "q_proj.weight"),)),
    "no plan": ("FGL110", SHARDS_BY_PLAN, PLAN, ((TENSOR, ""),)),
    "a head count": (
        "FGL203",
        SHARDS_BY_PLAN,
        CODE,
        (
            (
                "q_proj(hidden_states).view(hidden_shape)",
                "q_proj(hidden_states).view(*input_shape, 8, 32)",
            ),
        ),
    ),
    "a stage's module misspelt": (
        "FGL30",
        HAS_STAGES,
        PLAN,
        (('"embed_tokens":', '"embed_token":'),),
    ),
    "a stage's norm misspelt": ("FGL301", HAS_STAGES, PLAN, (('"norm":', '"nrom":'),)),
    "a stage's module left out": (
        "FGL306",
        HAS_STAGES,
        PLAN,
        ((re.compile(r'        "norm":.*\n'), ""),),
    ),
    "stages out of order": (
        "FGL305",
        HAS_STAGES,
        PLAN,
        ((re.compile(r'(        "embed_tokens":.*\n)(        "layers":.*\n)'), r"\2\1"),),
    ),
    "no stages": ("FGL311", HAS_STAGES, PLAN, ((STAGED, ""),)),
    "tied weights as a list": (
        "FGL509",
        HAS_STAGES,
        CODE,
        (
            (
                '    _no_split_modules = ["HfLlamaDecoderLayer"]\n',
                '    _no_split_modules = ["HfLlamaDecoderLayer"]\n'
                '    _tied_weights_keys = ["lm_head.weight"]\n',
            ),
        ),
    ),
    "a class not to be split misspelt": (
        "FGL401",
        HAS_STAGES,
        CODE,
        (('["HfLlamaDecoderLayer"]', '["HfLlamaDecodrLayer"]'),),
    ),
    "a key twice": (
        "FGL106",
        SHARDS_BY_PLAN,
        PLAN,
        ((re.compile(r'(        "layers.\*.mlp.gate_proj": "colwise",\n)'), r"\1\1"),),
    ),
}
"""What is found, for which target, in which file, by which changes."""
TIED = {"tied weights as a list"}
"""The breaks that only a model whose head is tied to the embedding has."""


def _serving(reports: Sequence[ModelReport]) -> set[tuple[int, int]]:
    return {size for report in reports for each in report.verdicts for size in each.at(SERVES)}


@pytest.mark.parametrize("case", BREAKS)
def test_a_mended_model_serves_as_before_it_was_broken(case: str, tmp_path: Path) -> None:
    code, target, name, changes = BREAKS[case]
    model = copy_model("hf_llama", tmp_path, tie_word_embeddings=case in TIED)
    settings, file = Settings(target=target), model / name

    def check(texts: Texts) -> tuple[ModelReport, ...]:
        with laid_over(contents(texts)):
            return tuple(checking.check((model,), settings))

    whole = _serving(check({}))
    text = file.read_text("utf-8")
    for old, new in changes:
        changed = old.sub(new, text) if isinstance(old, re.Pattern) else text.replace(old, new)
        assert changed != text
        text = changed
    file.write_text(text, "utf-8")
    broken = check({})
    found = {each.code for report in broken for each in report.diagnostics if each.fix}
    assert any(each.startswith(code) for each in found)
    after = Fixing(check, [model], unsafe=True).run(broken)
    assert _serving(check(after.state.texts)) == whole

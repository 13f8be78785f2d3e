"""Plans inferred for transformers' own text models, as good as they have been and no worse.

`fixtures/verdicts/plans.json` says how each compares with the official plan; `python -m tools.plans
--store` writes it anew. `inferred_two_ranks.json` says what two real ranks make of them.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
from pathlib import Path

import pytest

from tools.plans import STORED, Kind, rows, stored_kinds, stored_misses

INFERRED = STORED.with_name("inferred_two_ranks.json")
GOOD = (Kind.EQUIVALENT, Kind.BETTER)

FEW = {
    "LlamaConfig": ("llama", "LlamaForCausalLM"),
    "MixtralConfig": ("mixtral", "MixtralForCausalLM"),
    "Olmo2Config": ("olmo2", "Olmo2ForCausalLM"),
    "Phi3Config": ("phi3", "Phi3ForCausalLM"),
}
"""Enough for each way of sharding, and quick: their configs need no more than a depth."""


def skip_other_transformers() -> None:
    if importlib.util.find_spec("transformers") is None:
        pytest.skip("needs the source of transformers")
    versions = json.loads(STORED.read_text("utf-8"))["versions"]
    if importlib.metadata.version("transformers") != versions["transformers"]:
        pytest.skip(f"written by transformers {versions['transformers']}")


def test_at_least_nine_in_ten_that_run_are_as_good_or_better() -> None:
    kinds = [kind for kind in stored_kinds().values() if kind is not Kind.RAISES]
    assert sum(kind in GOOD for kind in kinds) >= 0.9 * len(kinds)
    assert Kind.CRASHED not in kinds


def test_at_least_nine_in_ten_are_reproduced_where_the_official_plan_speaks() -> None:
    misses = stored_misses()
    assert sum(why is None for why in misses.values()) >= 0.9 * len(misses)


def test_inferred_plans_that_count_serve_on_two_real_ranks() -> None:
    """`python -m tools.tensor_parallel_truth --inferred`: the same logits as one rank gives."""
    models = json.loads(INFERRED.read_text("utf-8"))["models"]
    ran = {name: each["verdict"] for name, each in models.items() if each["verdict"] != "no truth"}
    kinds = stored_kinds()
    counted = {name: verdict for name, verdict in ran.items() if kinds[name] in GOOD}
    assert len(counted) >= 30
    assert {name for name, verdict in counted.items() if verdict != "serves"} == set()


def test_a_few_are_what_is_stored(tmp_path: Path) -> None:
    skip_other_transformers()
    stored = stored_kinds()
    for name, (model_type, architecture) in FEW.items():
        values = {"model_type": model_type, "architectures": [architecture]}
        (tmp_path / name).mkdir()
        config = json.dumps({**values, "num_hidden_layers": 2})
        (tmp_path / name / "config.json").write_text(config, "utf-8")
        (tmp_path / name / ".truth.json").write_text('{"text": true, "error": null}', "utf-8")
    assert {row.name: row.kind for row in rows(tmp_path)} == {name: stored[name] for name in FEW}


@pytest.mark.slow
def test_no_plan_of_the_corpus_is_worse_than_stored(tmp_path: Path) -> None:
    skip_other_transformers()
    from tools.corpus import write_truth

    write_truth(tmp_path)
    order = list(Kind)
    stored, missed = stored_kinds(), stored_misses()
    found = rows(tmp_path)
    worse = {
        row.name: f"{stored[row.name]}, now {row.kind}: {row.reason}"
        for row in found
        if order.index(row.kind) > order.index(stored.get(row.name, Kind.CRASHED))
    }
    assert not worse
    assert not {row.name: row.misses for row in found if row.misses and not missed[row.name]}

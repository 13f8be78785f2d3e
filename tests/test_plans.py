"""Plans inferred for transformers' own text models, as good as they have been and no worse.

`fixtures/verdicts/plans.json` says how each compares with the official plan; `python -m tools.plans
--store` writes it anew. `plans_vllm_*.json` says the same of what a release of vLLM makes of both,
`inferred_two_ranks.json` what two real ranks make of the inferred ones.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
from pathlib import Path

import pytest

from forgather_lint.engines.api import Target
from forgather_lint.execution.outcome import Verdict
from tools.plan_comparison import Compared, Judged, Kind, compared
from tools.plan_table import VERDICTS, Stored, path_for, stored
from tools.plans import rows
from tools.plans_judged import judge_beside_the_corpus

INFERRED = VERDICTS / "inferred_two_ranks.json"
NEWEST = "0.33.0"
GOOD = (Kind.EQUIVALENT, Kind.BETTER)
DECIDED = (*GOOD, Kind.DIFFERS)

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
    versions = json.loads(path_for(None).read_text("utf-8"))["versions"]
    if importlib.metadata.version("transformers") != versions["transformers"]:
        pytest.skip(f"written by transformers {versions['transformers']}")


def judges() -> tuple[Target | None, Target]:
    """Transformers itself, and the newest release of vLLM."""
    return None, judge_beside_the_corpus(f"vllm=={NEWEST}")


def test_at_least_nine_in_ten_that_run_are_as_good_or_better() -> None:
    kinds = [each.kind for each in stored().values() if each.kind is not Kind.RAISES]
    assert sum(kind in GOOD for kind in kinds) >= 0.9 * len(kinds)
    assert Kind.CRASHED not in kinds


def test_at_least_nine_in_ten_are_reproduced_where_the_official_plan_speaks() -> None:
    misses = [each.misses for each in stored().values()]
    assert sum(why is None for why in misses) >= 0.9 * len(misses)


def test_at_least_nine_in_ten_that_the_newest_vllm_decides_are_equivalent() -> None:
    kinds = [each.kind for each in stored(NEWEST).values() if each.kind in DECIDED]
    assert kinds.count(Kind.EQUIVALENT) >= 0.9 * len(kinds)
    assert Kind.CRASHED not in kinds


def judged(*verdicts: Verdict, size: int = 8, why: str = "somewhere") -> Judged:
    reasons = tuple("" if each is Verdict.SERVES else f"{each}: {why}" for each in verdicts)
    return Judged({}, verdicts, reasons, size, {})


SERVES, FAILS, UNKNOWN = Verdict.SERVES, Verdict.FAILS, Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("official", "inferred", "kind"),
    [
        (judged(SERVES, SERVES), judged(SERVES, SERVES), Kind.EQUIVALENT),
        (judged(SERVES, FAILS), judged(SERVES, FAILS), Kind.EQUIVALENT),
        (judged(SERVES, SERVES), judged(SERVES, SERVES, size=7), Kind.BETTER),
        (judged(SERVES, SERVES), judged(SERVES, SERVES, size=9), Kind.DIFFERS),
        (judged(FAILS, SERVES), judged(SERVES, SERVES, size=9), Kind.BETTER),
        (judged(FAILS, SERVES), judged(SERVES, FAILS), Kind.DIFFERS),
        (judged(SERVES, FAILS), judged(SERVES, FAILS, size=7), Kind.DIFFERS),
        (judged(UNKNOWN, SERVES), judged(UNKNOWN, SERVES), Kind.ALIKE),
        (judged(UNKNOWN, SERVES), judged(UNKNOWN, SERVES, why="elsewhere"), Kind.UNDECIDED),
        (judged(UNKNOWN, SERVES), judged(UNKNOWN, SERVES, size=7), Kind.UNDECIDED),
        (judged(UNKNOWN, SERVES), judged(SERVES, SERVES), Kind.UNDECIDED),
    ],
)
def test_what_is_unknown_is_counted_apart(official: Judged, inferred: Judged, kind: Kind) -> None:
    found = compared(official, inferred)
    assert found.kind is kind
    assert bool(found.reason) is (kind is not Kind.EQUIVALENT)


def test_inferred_plans_that_count_serve_on_two_real_ranks() -> None:
    """`python -m tools.tensor_parallel_truth --inferred`: the same logits as one rank gives."""
    models = json.loads(INFERRED.read_text("utf-8"))["models"]
    ran = {name: each["verdict"] for name, each in models.items() if each["verdict"] != "no truth"}
    kinds = stored()
    counted = {name: verdict for name, verdict in ran.items() if kinds[name].kind in GOOD}
    assert len(counted) >= 30
    assert {name for name, verdict in counted.items() if verdict != "serves"} == set()


def test_a_few_are_what_is_stored(tmp_path: Path) -> None:
    skip_other_transformers()
    for name, (model_type, architecture) in FEW.items():
        values = {"model_type": model_type, "architectures": [architecture]}
        (tmp_path / name).mkdir()
        config = json.dumps({**values, "num_hidden_layers": 2})
        (tmp_path / name / "config.json").write_text(config, "utf-8")
        (tmp_path / name / ".truth.json").write_text('{"text": true, "error": null}', "utf-8")
    for server, target in zip((None, NEWEST), judges(), strict=True):
        known = stored(server)
        found = {row.name: row.kind for row in rows(tmp_path, target=target)}
        assert found == {name: known[name].kind for name in FEW}


@pytest.mark.slow
def test_no_plan_of_the_corpus_is_worse_than_stored(tmp_path: Path) -> None:
    skip_other_transformers()
    from tools.corpus import write_truth

    write_truth(tmp_path)
    for server, target in zip((None, NEWEST), judges(), strict=True):
        known = stored(server)
        found = {row.name: row.compared for row in rows(tmp_path, target=target)}
        worse = {name: each.reason for name, each in found.items() if _is_worse(each, known[name])}
        assert not worse


def _is_worse(found: Compared, known: Stored) -> bool:
    order = list(Kind)
    missed = found.misses is not None and known.misses is None
    return missed or order.index(found.kind) > order.index(known.kind)

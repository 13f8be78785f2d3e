"""What generates models: seeds give the same files, every choice is Python; no engine runs here."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from forgather_lint.engines.vllm.target import VllmTarget
from oracles.outcome import Outcome
from oracles.releases import Release
from tools.modelsmith import inferring
from tools.modelsmith.batch import Both, sizes_of
from tools.modelsmith.config import plan
from tools.modelsmith.contact import STORED, add, contact, read, summary
from tools.modelsmith.design import AXES, Axis, drawn, simpler
from tools.modelsmith.model import files, write
from tools.modelsmith.static import Judged, judged

TARGET = VllmTarget.of("0.32.0", "5.19.0")
RELEASE = Release("python", "0.32.0", "5.19.0")
SERVES = Judged(verdict="serves", code="", reason="")
UNKNOWN = Judged(verdict="unknown", code="", reason="not-installed")


def test_a_seed_says_all() -> None:
    assert [files(drawn(7, n), n) for n in range(20)] == [files(drawn(7, n), n) for n in range(20)]
    assert len({str(drawn(7, n)) for n in range(50)}) == 50
    assert drawn(7, 3) != drawn(8, 3)


@pytest.mark.parametrize("axis", AXES, ids=lambda axis: axis.name)
def test_every_choice_is_python(axis: Axis) -> None:
    beside = {"feedforward": "experts"} if axis.name == "router" else {}
    plain = files(beside)
    for choice in axis.others:
        made = files({**beside, axis.name: choice})
        assert made != plain, choice
        for name, text in made.items():
            if name.endswith(".py"):
                ast.parse(text)


def test_the_plain_model_serves(tmp_path: Path) -> None:
    found = judged(write({}, tmp_path), TARGET, [(1, 1), (2, 1), (1, 2)])
    assert {each["verdict"] for each in found.values()} == {"serves"}


def test_mistakes_change_the_plan() -> None:
    assert plan({"mistake": "no_keys"}) != plan({})
    assert plan({"mistake": "no_plan"}) is None
    both = plan({"mistake": "no_keys", "second_mistake": "swapped_down"})
    assert both is not None
    assert both["layers.*.mlp.down_proj"] == "colwise"
    assert "layers.*.self_attn.k_proj" not in both


def test_what_is_simpler_has_fewer_departures() -> None:
    design = {"norm": "rms_power", "names": "gpt", "gate": "per_head"}
    assert list(simpler(design, 2)) == [{"gate": "per_head"}, {"norm": "rms_power", "names": "gpt"}]
    assert list(simpler({}, 1)) == []


def test_every_third_model_is_asked_at_stages() -> None:
    assert sizes_of(3, [1, 2], 2) == [(1, 1), (2, 1), (1, 2)]
    assert sizes_of(4, [1, 2], 2) == sizes_of(3, [1, 2], 1) == [(1, 1), (2, 1)]


def test_what_no_one_can_answer_is_not_counted() -> None:
    its: list[Outcome] = [
        {"verdict": "serves"},
        {"verdict": "wrong"},
        {"verdict": "no reference"},
    ]
    found = [Both(number, (1, 1), SERVES, each) for number, each in enumerate(its)]
    found.append(Both(3, (1, 1), UNKNOWN, its[0]))
    new = contact(5, 4, "abc", RELEASE, found)
    assert (new["cells"], new["agrees"], new["unknown"], new["no_reference"]) == (3, 1, 1, 1)
    assert new["differs"] == {"serves for wrong": 1}
    assert "1 of 2 decided agree (50.0 %), 1 unknown (33.3 %)" in summary(new)


def test_a_first_contact_stays_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "first_contact.json"
    first = contact(5, 1, "abc", RELEASE, [Both(0, (1, 1), SERVES, {"verdict": "wrong"})])
    later = contact(5, 1, "def", RELEASE, [Both(0, (1, 1), SERVES, {"verdict": "serves"})])
    assert add(first, path)
    assert not add(later, path)
    assert read(path) == [first]


def test_rates_at_first_contact_are_kept() -> None:
    for each in read(STORED):
        assert each["cells"] == each["agrees"] + each["unknown"] + sum(each["differs"].values())


def test_inferred_plans_are_counted_by_what_the_engine_does(tmp_path: Path) -> None:
    models = inferring.Drawn(
        dict.fromkeys((1, 2, 3), tmp_path), dict.fromkeys((4, 5), tmp_path), 9, "abc"
    )
    said: dict[int, Outcome] = {
        1: {"verdict": "serves"},
        2: {"verdict": "wrong"},
        3: {"verdict": "no reference"},
        4: {"verdict": "serves"},
        5: {"verdict": "fails"},
    }
    its = {(number, inferring.TWO_RANKS): outcome for number, outcome in said.items()}
    found = inferring.counted(7, models, its, RELEASE)
    assert (found["drawn"], found["found"], found["serve"]) == (9, 2, 1)
    assert (found["differs"], found["missed"], found["no_reference"]) == ({"2": "wrong"}, [4], 1)
    assert found["revision"] == "abc"


def test_what_inferred_plans_came_to_is_kept() -> None:
    rows = {each["seed"]: each for each in json.loads(inferring.STORED.read_text("utf-8"))}
    for row in rows.values():
        assert row["found"] == row["serve"] + len(row["differs"])
        asked = row["found"] + row["no_reference"] + len(row["missed"])
        assert row["drawn"] >= asked
    newest = rows[8140]
    assert (newest["found"], newest["serve"], len(newest["missed"])) == (87, 87, 25)


def test_models_that_were_drawn_are_known_to_a_later_call(tmp_path: Path) -> None:
    models = inferring.Drawn({1: tmp_path}, {4: tmp_path / "right"}, 9, "abc")
    models.keep(tmp_path / "drawn.json")
    assert inferring.Drawn.kept(tmp_path / "drawn.json") == models


def test_a_choice_that_is_refused_alone_is_taken_back() -> None:
    design = {"norm": "rms_power", "attend": "by_hand", "mistake": "no_keys", "stages": "none"}
    assert inferring.without(design, {("attend", "by_hand")}) == {"norm": "rms_power"}
    assert inferring.without(design, {("attend", "sdpa")}) == {
        "norm": "rms_power",
        "attend": "by_hand",
    }


def test_a_model_without_a_plan_gets_one_that_serves(tmp_path: Path) -> None:
    models = inferring.draw(1, 1, TARGET, tmp_path, {("attend", "by_hand"), ("attend", "sdpa")})
    assert len(models.planned) == 1
    (folder,) = models.planned.values()
    config = next(folder.glob("configuration_*.py")).read_text("utf-8")
    assert "base_model_tp_plan" in config

"""Profiles say what each release does, and the engines built on them do it."""

from __future__ import annotations

import importlib.util
import json
import random
import re
import subprocess
import sys
import time
from dataclasses import fields
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

from forgather_lint.core.version import Requirement, Version, VersionError
from forgather_lint.engines.fact import DATA, Effect, histories, raw_facts
from forgather_lint.engines.names import knows
from forgather_lint.engines.ranges import ranges
from forgather_lint.engines.registry import project as project_of
from forgather_lint.engines.registry import projects
from forgather_lint.engines.releases import known, newest, requirement
from forgather_lint.engines.select import Installed, TargetError, select
from forgather_lint.engines.transformers.matching import transformers_match
from forgather_lint.engines.transformers.merge import EntryOrigin, Merged, Owner, merge_plans
from forgather_lint.engines.vllm.matching import vllm_match, vllm_matches
from forgather_lint.engines.vllm.target import VllmTarget
from forgather_lint.execution.engine import UndecidedKey
from tests.merge_truth import CASES, Case

NOTHING = Installed()
PROJECTS = pytest.mark.parametrize("project", projects())


def on(vllm: str, transformers: str = "5.19.0") -> VllmTarget:
    return VllmTarget.of(vllm, transformers)


def chosen(*specifications: str, beside: Installed = NOTHING) -> list[str]:
    return [str(target) for target in select(specifications, beside).targets]


def topics(project: str) -> list[str]:
    return [f"{project}/{path.stem}" for path in sorted((DATA / project).glob("*.toml"))]


# Profiles


@PROJECTS
def test_every_topic_reads_at_every_release(project: str) -> None:
    for release in known(project):
        profile = project_of(project).profile(release)
        for topic in topics(project):
            read = getattr(profile, topic.rpartition("/")[2])
            for fact in (getattr(read, field.name) for field in fields(read)):
                assert re.match(rf"{project}/[\w/]+\.py", fact.source), (topic, fact)


@PROJECTS
def test_a_row_states_only_what_differs_from_the_row_before(project: str) -> None:
    repeated = []
    for topic in topics(project):
        for name, rows in histories(topic).items():
            stating = [row.release for row in rows if row.states("is")]
            values = [raw_facts(topic, release)[name].value for release in stating]
            repeated += [(topic, name) for old, new in pairwise(values) if old == new]
    assert repeated == []


@PROJECTS
def test_profiles_are_ranges_in_which_nothing_changes(project: str) -> None:
    spans = ranges(project)
    assert [release for span in spans for release in span.releases] == list(known(project))
    assert len(spans) < len(known(project)) or len(spans) == 1


def test_gathering_styles_are_renamed_in_vllm() -> None:
    before, after = on("0.23.0").vllm.plan, on("0.24.0").vllm.plan
    assert before.styles.value["colwise_rep"] == "column_gathered"
    assert "colwise_rep" not in after.styles.value
    assert after.unknown_style.value == "replicated"
    assert after.styles.releases == ">=0.24.0"


def test_a_missing_plan_ends_the_start_or_is_mentioned() -> None:
    old, new = on("0.13.0").vllm.plan.missing.value, on("0.32.0").vllm.plan.missing.value
    assert old.effect is Effect.ERROR
    assert old.say(type="<class 'M'>", tip="Try.") == (
        "<class 'M'> does not support tensor parallel. Try."
    )
    assert new.effect is Effect.WARNING


def test_the_source_of_a_fact_follows_the_code_that_moved() -> None:
    places = [on(release).vllm.attention.keyword_lost.source for release in ("0.11.0", "0.25.0")]
    assert places == [
        "vllm/model_executor/models/transformers.py::vllm_flash_attention_forward",
        "vllm/model_executor/models/transformers/__init__.py::vllm_attention_forward",
    ]


def test_a_defect_of_releases_names_those_that_work() -> None:
    assert on("0.13.0").vllm.defects.embed_scale.releases == ">=0.11.1,<0.17.0"
    assert on("0.17.0").vllm.defects.embed_scale.value.effect is Effect.NONE


def test_models_that_vllm_has_itself() -> None:
    def own(name: str, release: str) -> bool:
        return knows("vllm_own", name, Version.parse(release))

    assert own("LlamaForCausalLM", "0.13.0")
    assert own("Qwen2_5_VLForConditionalGeneration", "0.13.0")
    assert not own("ForgatherForCausalLM", "0.13.0")
    assert [own("ArceeForCausalLM", release) for release in ("0.13.0", "0.33.0")] == [True, False]


def test_nothing_is_read_before_it_is_asked_for() -> None:
    code = "import sys; from forgather_lint.engines import select; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"tomllib", "importlib.metadata", "packaging"} & set(ran.stdout.split())


# Selection


def test_a_minor_release_is_its_newest_patch() -> None:
    assert chosen("vllm==0.20") == [f"vllm==0.20.2 transformers=={newest('transformers')}"]
    assert chosen("vllm==0.25.1")[0].startswith("vllm==0.25.1 ")


def test_a_range_gives_one_target_for_each_profile() -> None:
    assert chosen("vllm>=0.30,<0.33") == [
        f"vllm==0.30.0 transformers=={newest('transformers')}",
        "vllm==0.31.0 transformers==5.17.0",
        "vllm==0.32.0 transformers==5.19.0",
    ]
    assert len(chosen("all")) == len(ranges("vllm"))


def test_targets_may_be_repeated() -> None:
    assert len(chosen("vllm==0.13", "vllm==0.32", "vllm==0.13")) == 2


def test_what_is_installed_is_the_default() -> None:
    beside = Installed(Version(0, 13), Version(4, 57, 6))
    assert chosen(beside=beside) == ["vllm==0.13.0 transformers==4.57.6"]


def test_without_vllm_the_newest_that_allows_transformers_is_the_default() -> None:
    (beside,) = chosen(beside=Installed(None, Version(5, 17)))
    assert beside == f"vllm=={newest('vllm')} transformers==5.17.0"
    assert chosen(beside=Installed(None, Version(4, 57, 6)))[0].startswith("vllm==0.23.0 ")
    (alone,) = select([], NOTHING).targets
    assert alone.version == newest("vllm")
    allowed = requirement("vllm", alone.version)
    admitted = [release for release in known("transformers") if allowed.admits(release)]
    assert alone.transformers.version == max(admitted)


def test_transformers_alone_chooses_a_vllm_that_allows_it() -> None:
    assert chosen("transformers==5.23") == ["vllm==0.30.0 transformers==5.23.0"]
    installed = Installed(Version(0, 13), Version(4, 57, 6))
    (found,) = chosen("transformers==5.19", beside=installed)
    assert found == f"vllm=={newest('vllm')} transformers==5.19.0"


def test_an_impossible_pair_is_refused_with_the_requirement() -> None:
    with pytest.raises(TargetError) as refused:
        chosen("vllm==0.13", "transformers==5.19")
    assert str(refused.value) == (
        "vllm 0.13.0 requires transformers>=4.56.0,<5, which rules out 5.19.0"
    )


def test_releases_of_a_range_that_cannot_be_paired_are_named() -> None:
    selection = select(["vllm>=0.30,<0.33", "transformers==5.19"], NOTHING)
    assert [target.version for target in selection.targets] == [Version(0, 30), Version(0, 32)]
    assert len(selection.notices) == 1
    assert "vllm 0.31.0 requires transformers>=5.10.4,<5.18.0" in selection.notices[0]


def test_a_release_newer_than_the_profiles_is_judged_as_the_newest_and_said_so() -> None:
    selection = select(["vllm==0.99"], NOTHING)
    assert selection.notices == (
        f"vllm 0.99.0 is newer than the newest profile: it is judged as {newest('vllm')}",
    )
    assert selection.targets[0].flow.plan.styles == on(str(newest("vllm"))).flow.plan.styles


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("vllm==0.10", "they begin at 0.11.0"),
        ("vllm>=0.90", f"no release from 0.11.0 to {newest('vllm')}"),
        ("tgi==3.0", "names no target"),
        ("vllm==new", "not a comparison"),
    ],
)
def test_a_target_that_cannot_be_made_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(TargetError, match=re.escape(reason)):
        chosen(text)


def test_requirements_are_read_as_pip_does() -> None:
    wanted = Requirement.parse(">=4.56.0,!=5.0.*,!=5.5.0")
    admitted = [wanted.admits(Version.parse(v)) for v in ("4.55.4", "4.57.6", "5.0.1", "5.5.0")]
    assert admitted == [False, True, False, False]
    assert str(requirement("vllm", Version(0, 19, 1))).startswith(">=4.56.0,!=5.0.*")
    assert Version.parse("0.11.2.post2+cpu") == (0, 11, 2)
    with pytest.raises(VersionError):
        Requirement.parse("latest")


# Matching


def test_a_key_that_is_a_prefix_shadows_the_longer_one_in_vllm_alone() -> None:
    keys = {"layers.*.mlp.gate": "replicate", "layers.*.mlp.gate_proj": "colwise"}
    target, name = on("0.13.0"), "layers.0.mlp.gate_proj"
    assert vllm_match([*keys], name, target.vllm.plan) == "layers.*.mlp.gate"
    assert transformers_match(keys, name, target.transformers.plan) == "layers.*.mlp.gate_proj"


def test_a_star_crosses_dots_in_vllm_alone() -> None:
    target, name = on("0.33.0"), "layers.0.self_attn.q_proj"
    assert vllm_matches("layers.*.q_proj", name, target.vllm.plan) is True
    assert transformers_match(["layers.*.q_proj"], name, target.transformers.plan) is None


def test_a_key_with_the_wrapper_prefix_takes_nothing() -> None:
    plan = on("0.33.0").vllm.plan
    assert vllm_match(["model.layers.*.q_proj"], "layers.0.q_proj", plan) is None


def test_a_leading_star_is_an_error_until_names_are_prefixed() -> None:
    name = "layers.0.q_proj"
    broken = vllm_match(["layers.*.k_proj", "*.q_proj"], name, on("0.11.0").vllm.plan)
    assert broken == UndecidedKey("*.q_proj", "nothing to repeat at position 0", fails=True)
    assert vllm_match(["layers.*.q_proj", "*"], name, on("0.11.0").vllm.plan) == "layers.*.q_proj"
    assert vllm_match(["*.q_proj"], name, on("0.11.1").vllm.plan) == "*.q_proj"


def test_digits_in_names_are_wildcards_until_transformers_5() -> None:
    name = "layers.0.mlp.fc1"
    old, new = on("0.13.0", "4.57.6").transformers.plan, on("0.33.0").transformers.plan
    keys = ["layers.*.mlp.fc1", "layers.*.mlp.fc*"]
    assert transformers_match(keys, name, old) == "layers.*.mlp.fc*"
    assert transformers_match(keys, name, new) == "layers.*.mlp.fc1"


def test_of_two_indices_side_by_side_transformers_5_replaces_one() -> None:
    plan = on("0.33.0").transformers.plan
    assert transformers_match(["blocks.*.*.attn"], "blocks.0.1.attn", plan) is None
    assert transformers_match(["blocks.*.1.attn"], "blocks.0.1.attn", plan) is not None


def test_a_parameter_has_the_entry_of_its_module() -> None:
    plan, keys = on("0.33.0").transformers.plan, ["layers.*.q_proj"]
    assert transformers_match(keys, "layers.3.q_proj.bias", plan, parameter=True) == keys[0]
    assert transformers_match(keys, "layers.3.q_proj.bias", plan) is None


def test_vllm_match_is_re_match_of_the_first_key() -> None:
    plan, draw = on("0.33.0").vllm.plan, random.Random(0)
    parts = [
        "layers",
        ".",
        "*",
        ".*",
        "0",
        "mlp",
        "gate",
        "_proj",
        "fc1",
        r"\d+",
        "(q|k)",
        "$",
        "x?",
    ]
    names = ["layers.0.mlp.gate_proj", "layers.11.mlp.fc1", "mlp", "layers.0.q", "norm"]
    compared = 0
    for _ in range(4000):
        keys = ["".join(draw.choices(parts, k=draw.randint(1, 6))) for _ in range(2)]
        name = draw.choice(names)
        taken = vllm_match(keys, name, plan)
        if not isinstance(taken, UndecidedKey):
            tried = keys[: keys.index(taken) + 1] if taken else keys
            matching = [key for key in tried if re.match(f"model.{key}", f"model.{name}")]
            assert matching == ([taken] if taken else []), (keys, name)
            compared += 1
    assert compared > 3000


@pytest.mark.parametrize(
    "key",
    [
        "(a+)+b",
        "(a|a)" * 60 + "b",
        "a?" * 60 + "a" * 60,
        "[a-z]*" * 8 + "1",
        ".*a" * 120 + "b",
        "[",
    ],
)
def test_a_hostile_key_takes_no_time(key: str) -> None:
    start = time.process_time()
    vllm_match([key], "a" * 120, on("0.33.0").vllm.plan)
    assert time.process_time() - start < 0.5


# Merging


def pairs(plan: Merged[str]) -> list[list[str]]:
    return [[key, entry.value or "embedding_rowwise"] for key, entry in plan.items()]


def merged(case: Case, release: str) -> list[list[list[str]]]:
    """The plans of the base and of the head of `case`, as the profile of `release` merges them."""
    plan = on("0.33.0", release).transformers.plan
    owner = Owner(case.prefix != "layers", case.tied, case.embedding == "embed_tokens")
    base = merge_plans(plan, owner, case.config_plan, case.class_plan)
    wrapper = Owner(case.prefix != "model", case.tied, has_embed_tokens=False)
    head = merge_plans(plan, wrapper, case.config_plan, case.head_plan, [("model", base)])
    return [pairs(base), pairs(head)]


def test_a_plan_of_the_class_reaches_the_base_model_from_5_14_on() -> None:
    config, on_class = {"layers.*": "colwise"}, {"lm_head": "colwise_rep"}
    old, new = on("0.28.0", "5.13.1").transformers.plan, on("0.28.0", "5.14.0").transformers.plan
    assert [*merge_plans(old, Owner(), config, on_class)] == ["layers.*"]
    leaked = merge_plans(new, Owner(), config, on_class)
    assert [entry.origin for entry in leaked.values()] == [EntryOrigin.CLASS, EntryOrigin.CONFIG]


def test_entries_of_a_child_are_prefixed_and_remember_where_they_were_written() -> None:
    plan = on("0.33.0").transformers.plan
    child = merge_plans(plan, Owner(), {"layers.*": "colwise"}, None)
    entry = merge_plans(plan, Owner(is_base_model=False), None, None, [("model", child)])[
        "model.layers.*"
    ]
    assert (entry.origin, entry.written, entry.child) == (EntryOrigin.CONFIG, "layers.*", "model")


class Truth(NamedTuple):
    release: str
    plans: list[list[list[list[str]]]]


def live_truth() -> Truth:
    script = Path(__file__).with_name("merge_truth.py")
    environment = [sys.executable, str(script)]
    ran = subprocess.run(environment, capture_output=True, text=True, timeout=300, check=True)
    return Truth(**json.loads(ran.stdout.splitlines()[-1]))


@pytest.mark.skipif(
    importlib.util.find_spec("torch") is None or importlib.util.find_spec("transformers") is None,
    reason="needs transformers and torch",
)
def test_plans_merge_as_in_the_transformers_installed() -> None:
    truth = live_truth()
    assert len(truth.plans) == len(CASES)
    for case, plans in zip(CASES, truth.plans, strict=True):
        assert merged(case, truth.release) == plans, case

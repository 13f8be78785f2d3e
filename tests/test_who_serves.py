"""Whose class computes the answers: vLLM's own, that of the folder, that of transformers, nobody's.

What is expected was seen on vLLM 0.32 with transformers 5.19 (`ModelConfig` of a small folder);
what 0.13 does was read in its registry.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from forgather_lint.core.settings import ModelImpl
from forgather_lint.core.version import Version
from forgather_lint.documents.single_file import single_model
from forgather_lint.engines.api import Cell
from forgather_lint.engines.matrix import matrix
from forgather_lint.engines.names import knows
from forgather_lint.engines.vllm.server import AskedFor, ServedBy, ServingClass, server_of
from forgather_lint.engines.vllm.target import VllmTarget
from forgather_lint.linting.registry import code_of
from forgather_lint.shell.cli import cli
from tests.cases import read_cases

NEWEST = VllmTarget.of("0.32.0", "5.19.0")
OLDEST = VllmTarget.of("0.11.0", "4.57.6")
OLD = VllmTarget.of("0.13.0", "4.57.6")
MINE = {"AutoConfig": "configuration_tiny.TinyConfig", "AutoModel": "modeling_tiny.TinyModel"}
HEAD_ALONE = {"AutoModelForCausalLM": "modeling_tiny.TinyForCausalLM"}


def served(
    *architectures: str,
    auto_map: Mapping[str, str] = MINE,
    model_type: str = "tiny",
    target: VllmTarget = NEWEST,
    impl: ModelImpl = ModelImpl.AUTO,
) -> ServingClass:
    config = {
        "architectures": list(architectures),
        "auto_map": dict(auto_map),
        "model_type": model_type,
    }
    return server_of(config, target, impl)


@pytest.mark.parametrize(
    ("architecture", "own"),
    [
        ("Phi3ForCausalLM", "Phi3ForCausalLM"),
        ("Qwen2_5_VLForConditionalGeneration", "Qwen2_5_VLForConditionalGeneration"),
        ("BertForTokenClassification", "BertForTokenClassification"),
        ("LlamaForTokenClassification", "LlamaForCausalLM"),  # converted
        ("MistralForSequenceClassification", "MistralForCausalLM"),
    ],
)
def test_a_model_of_vllms_own_comes_first(architecture: str, own: str) -> None:
    for entries in (MINE, HEAD_ALONE, {}):
        assert served(architecture, auto_map=entries) == ServingClass(ServedBy.OWN_MODEL, own)


def test_the_first_known_architecture_serves() -> None:
    assert served("MineForCausalLM", "Phi3ForCausalLM").name == "Phi3ForCausalLM"
    assert served("MineForCausalLM", "Phi3ForCausalLM").by is ServedBy.OWN_MODEL


def test_the_code_of_the_folder_serves_a_name_of_its_own() -> None:
    found = served("MineForCausalLM")
    assert (found.by, found.asked, found.fallback) == (ServedBy.FOLDER, AskedFor.FOLDER, "")


def test_a_name_of_transformers_is_asked_there_and_loaded_from_the_folder() -> None:
    found = served("HeliumForCausalLM")
    assert (found.by, found.asked) == (ServedBy.FOLDER, AskedFor.LIBRARY)


def test_what_the_registry_passes_on_is_asked_nothing() -> None:
    found = served("OlmoForCausalLM")
    assert (found.by, found.asked) == (ServedBy.FOLDER, AskedFor.NOTHING)
    assert served("OlmoForCausalLM", target=OLD).by is ServedBy.OWN_MODEL


def test_without_auto_map_the_class_of_the_type_serves() -> None:
    found = served("HeliumForCausalLM", auto_map={}, model_type="helium")
    assert (found.by, found.name) == (ServedBy.LIBRARY, "helium")


def test_without_architectures_the_type_names_one() -> None:
    assert served(auto_map={}, model_type="llama") == ServingClass(ServedBy.OWN_MODEL, "LlamaModel")
    assert served(auto_map={}, model_type="llama", target=OLDEST).by is not ServedBy.OWN_MODEL


def test_nobody_serves_an_unknown_name_without_classes() -> None:
    assert served("MineForCausalLM", auto_map={}) == ServingClass(
        ServedBy.NOBODY, "MineForCausalLM"
    )


def test_a_class_of_transformers_that_refuses_leaves_nobody() -> None:
    found = served("BioGptForCausalLM", target=OLD)
    assert (found.by, found.asked) == (ServedBy.NOBODY, AskedFor.LIBRARY)
    assert served("BioGptForCausalLM").by is ServedBy.FOLDER  # settable, which 0.30 takes too


def test_model_impl_says_who_is_asked() -> None:
    passed_over = served("Phi3ForCausalLM", impl=ModelImpl.TRANSFORMERS)
    assert (passed_over.by, passed_over.asked) == (ServedBy.FOLDER, AskedFor.LIBRARY)
    assert served("MineForCausalLM", impl=ModelImpl.OWN).by is ServedBy.NOBODY


def test_a_sister_name_serves_when_the_class_of_the_folder_refuses() -> None:
    assert served("BloomLMHeadModel").fallback == "BloomForCausalLM"


def test_releases_know_different_names() -> None:
    def own(name: str, release: str) -> bool:
        return knows("vllm_own", name, Version.parse(release))

    assert [own("OuroForCausalLM", each) for each in ("0.11.0", "0.26.0", "0.27.0")] == [
        False,
        True,
        False,
    ]


def test_a_cell_names_vllms_own_model_and_claims_no_bytes(tmp_path: Path) -> None:
    write(tmp_path, architectures=["Phi3ForCausalLM"])
    for each in cells(tmp_path):
        assert (each.outcome.verdict.value, code_of(each.outcome)) == ("own model", "FGL536")
        assert each.bytes_per_rank is None


def test_transformers_asked_for_has_the_folder_judged(tmp_path: Path) -> None:
    write(tmp_path, architectures=["Phi3ForCausalLM"])
    assert verdicts(tmp_path, ModelImpl.TRANSFORMERS) == ["serves", "serves"]
    ran = lint("check", tmp_path, "--target", "vllm==0.32", "--model-impl", "transformers")
    assert "FGL536" not in ran.stdout


def test_check_says_that_vllms_own_model_serves_and_nothing_else(tmp_path: Path) -> None:
    write(tmp_path, architectures=["Phi3ForCausalLM"])
    ran = lint("check", tmp_path, "--target", "vllm==0.32", "--output-format", "concise")
    assert ran.exit_code == 0
    assert "vLLM's own `Phi3ForCausalLM` serves" in ran.stdout
    assert ran.stdout.count("FGL") == 1


@pytest.mark.parametrize(
    "change",
    [
        {"quantization_config": {}},
        {"compression_config": {"format": "pack-quantized"}},
    ],
)
def test_quantised_weights_of_an_unknown_kind_are_undecided(
    tmp_path: Path, change: Mapping[str, object]
) -> None:
    write(tmp_path, **change)
    for each in cells(tmp_path):
        assert each.outcome.verdict.value == "unknown"
        assert each.outcome.reason.startswith("quantization")
        assert each.bytes_per_rank is None


def test_a_null_quantisation_is_none(tmp_path: Path) -> None:
    write(tmp_path, quantization_config=None)
    assert verdicts(tmp_path) == ["serves", "serves"]


def test_a_file_beside_config_json_tells_of_quantised_weights(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "hf_quant_config.json").write_text("{}")
    assert verdicts(tmp_path) == ["unknown", "unknown"]


def test_what_fails_fails_with_quantised_weights_too(tmp_path: Path) -> None:
    awq = {"quant_method": "awq", "bits": 4, "group_size": 16, "zero_point": True}
    write(tmp_path, quantization_config=awq)
    (cell,) = matrix(single_model(tmp_path), [NEWEST], (3,), (1,), "bfloat16")
    assert code_of(cell.outcome) == "FGL210"


def test_a_config_class_of_vllms_own_is_not_the_one_here(tmp_path: Path) -> None:
    write(tmp_path, model_type="chatglm")
    reasons = {each.outcome.reason for each in cells(tmp_path)}
    assert reasons == {"vLLM has a config class of its own for `chatglm`"}


def test_a_class_of_transformers_that_is_loaded_is_not_the_code_here(tmp_path: Path) -> None:
    write(tmp_path, architectures=["HeliumForCausalLM"], auto_map={}, model_type="helium")
    assert set(verdicts(tmp_path)) == {"unknown"}
    ran = lint("check", tmp_path, "--target", "vllm==0.32", "--output-format", "concise")
    assert ran.exit_code == 1
    assert ran.stdout.count("FGL") == 1
    assert "transformers' own class for `helium` is loaded, not the code here" in ran.stdout


def test_a_named_folder_without_config_json_fails_and_a_named_file_does_not(
    tmp_path: Path,
) -> None:
    write(tmp_path)
    (tmp_path / "config.json").unlink()
    assert verdicts(tmp_path) == ["fails", "fails"]
    alone = cells(tmp_path / "modeling_tiny.py")
    # Its config class has no defaults.
    assert {code_of(each.outcome) for each in alone} == {"FGL405"}


def test_a_file_named_alone_says_that_it_is_judged_with_the_defaults(tmp_path: Path) -> None:
    write(tmp_path)
    file = tmp_path / "configuration_tiny.py"
    defaults = "".join(
        f"    {name} = {value}\n"
        for name, value in json.loads((tmp_path / "config.json").read_text()).items()
        if isinstance(value, int)
    )
    file.write_text(file.read_text().replace('    model_type = "tiny"\n', defaults))
    (tmp_path / "config.json").unlink()
    ran = lint("check", tmp_path / "modeling_tiny.py", "--target", "vllm==0.32")
    assert "serves at 1, 2, 4 ranks" in ran.stdout
    assert "(with the defaults of its config class)" in ran.stdout
    assert "there is no config.json" in ran.stdout


def write(folder: Path, **changes: object) -> None:
    """A model that serves, with these keys of config.json."""
    suite = Path(__file__).parent.parent / "fixtures/rules/serving/config_not_found.md"
    next(iter(read_cases(suite))).write(folder)
    file = folder / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


def cells(path: Path, impl: ModelImpl = ModelImpl.AUTO) -> list[Cell]:
    return list(matrix(single_model(path), [NEWEST], (1, 2), (1,), "bfloat16", impl))


def verdicts(path: Path, impl: ModelImpl = ModelImpl.AUTO) -> list[str]:
    return [each.outcome.verdict.value for each in cells(path, impl)]


def lint(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, list(map(str, arguments)))

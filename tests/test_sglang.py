"""SGLang's Transformers backend, read from source: what it says, and what it does not claim."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from forgather_lint.core.version import Version
from forgather_lint.engines.sglang.checks import placed
from forgather_lint.engines.sglang.flow import SglangKeyMatch, spelt
from forgather_lint.engines.sglang.profile import SglangProfile
from forgather_lint.execution.layers import Role
from forgather_lint.shell.cli import cli
from tests.cases import read_cases

FIXTURES = Path(__file__).parent.parent / "fixtures" / "rules"
EVIDENCE = "read from source, not run"
PROFILE = SglangProfile(Version(0, 5, 23))


@pytest.fixture
def served(tmp_path: Path) -> Path:
    """A model of the suites that serves."""
    next(iter(read_cases(FIXTURES / "sglang" / "plan_missing.md"))).write(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments))


def verdicts(folder: Path, target: str, *sizes: str) -> dict[tuple[int, int], str]:
    done = run("matrix", str(folder), "--target", target, "--output-format", "json", *sizes)
    rows = json.loads(done.stdout)
    return {
        (row["tensor_parallel_size"], row["pipeline_parallel_size"]): row["verdict"] for row in rows
    }


def change(folder: Path, **values: object) -> None:
    config = json.loads((folder / "config.json").read_text("utf-8"))
    (folder / "config.json").write_text(json.dumps(config | values), "utf-8")


def test_every_verdict_says_that_nothing_was_run(served: Path) -> None:
    title = f"SGLang 0.5.23 ({EVIDENCE})"
    assert title in run("matrix", str(served), "--target", "sglang==0.5.23").stdout
    checked = run("check", "--isolated", str(served), "--target", "sglang==0.5.23")
    assert f"{title}: serves at" in checked.stdout
    change(served, num_key_value_heads=1)
    failing = ("check", "--isolated", str(served), "--target", "sglang==0.5.23", "-tp", "2")
    for form in ("full", "github", "json", "sarif"):
        assert EVIDENCE in run(*failing, "--output-format", form).stdout, form
    table = run("matrix", str(served), "--target", "sglang==0.5.23", "--output-format", "json")
    assert {(row["engine"], row["evidence"]) for row in json.loads(table.stdout)} == {
        ("sglang", EVIDENCE)
    }


def test_transformers_is_what_its_metadata_pins(served: Path) -> None:
    refused = run(
        "matrix", str(served), "--target", "sglang==0.5.23", "--target", "transformers==5.20"
    )
    assert "sglang 0.5.23 requires transformers==5.19.0" in refused.stderr


def test_key_value_heads_are_not_copied(served: Path) -> None:
    """Two for four ranks: vLLM gives each rank one, SGLang asserts that they divide."""
    sizes = ("-tp", "2,4", "-pp", "1")
    assert verdicts(served, "vllm==0.32", *sizes) == {(2, 1): "serves", (4, 1): "serves"}
    assert verdicts(served, "sglang==0.5.23", *sizes) == {(2, 1): "serves", (4, 1): "fails"}


def test_a_style_that_it_alone_knows(served: Path) -> None:
    """vLLM leaves a style that it does not know whole: the layer then gets half of its input."""
    config = served / "configuration_tiny.py"
    text = config.read_text("utf-8")
    told = '"layers.*.mlp.down_proj": "rowwise"'
    assert told in text
    config.write_text(text.replace(told, told.replace("rowwise", "packed_rowwise")), "utf-8")
    sizes = ("-tp", "1,2", "-pp", "1")
    assert verdicts(served, "sglang==0.5.23", *sizes) == {(1, 1): "serves", (2, 1): "serves"}
    assert verdicts(served, "vllm==0.32", *sizes) == {(1, 1): "serves", (2, 1): "fails"}


def test_stages_serve_where_layers_divide(served: Path) -> None:
    assert verdicts(served, "sglang==0.5.23", "-tp", "1", "-pp", "1,2") == {
        (1, 1): "serves",
        (1, 2): "serves",
    }
    change(served, num_hidden_layers=3)
    assert verdicts(served, "sglang==0.5.23", "-tp", "1", "-pp", "2") == {(1, 2): "unknown"}


def test_a_model_of_its_own_is_not_judged(served: Path) -> None:
    change(served, architectures=["LlamaForCausalLM"])
    told = verdicts(served, "sglang==0.5.23", "-tp", "1", "-pp", "1")
    assert told == {(1, 1): "SGLang's own model"}


@pytest.mark.parametrize(
    "values",
    [
        {"num_experts": 8, "num_experts_per_tok": 2},
        {"quantization_config": {"quant_method": "fp8"}},
        {"sliding_window": 128},
        {"layer_types": ["full_attention", "full_attention"]},
        {"architectures": ["TinyForSequenceClassification"]},
    ],
    ids=str,
)
def test_what_is_not_proved_is_unknown(served: Path, values: dict[str, object]) -> None:
    change(served, **values)
    assert verdicts(served, "sglang==0.5.23", "-tp", "1", "-pp", "1") == {(1, 1): "unknown"}


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("norm_tiny.py", "variance_epsilon", "tiny"),
        ("norm_tiny.py", "torch.ones", "torch.zeros"),
        ("norm_tiny.py", "return self.weight *", "return (1 + self.weight) *"),
        ("attention_tiny.py", "scaling=self.scaling", "scaling=self.scaling, softcap=30.0"),
        ("attention_tiny.py", "self.is_causal = True", "self.is_causal = False"),
        ("attention_tiny.py", "self.layer_idx = layer_idx", "self.layer_idx = 0"),
    ],
    ids=str,
)
def test_code_whose_replacement_may_differ_is_unknown(
    served: Path, file: str, old: str, new: str
) -> None:
    text = (served / file).read_text("utf-8")
    assert old in text
    (served / file).write_text(text.replace(old, new), "utf-8")
    assert verdicts(served, "sglang==0.5.23", "-tp", "1", "-pp", "1") == {(1, 1): "unknown"}


@pytest.mark.parametrize(
    ("style", "role"),
    [
        ("ColwiseParallel", Role.COLUMN),
        ("packed-colwise", Role.COLUMN),
        ("local_packed_rowwise", Role.ROW),
        ("colwise_rep", Role.COLUMN_GATHERED),
        ("rowwise_rep", Role.ROW_SPLITTING),
        ("isolated", Role.REPLICATED),
        ("colwise_gather_output", None),
        ("sequence_parallel", None),
    ],
)
def test_styles_as_it_spells_them(style: str, role: Role | None) -> None:
    assert PROFILE.plan.styles.value.get(spelt(style)) is role


@pytest.mark.parametrize(
    ("key", "taken"),
    [
        ("layers.*.mlp.up", True),
        ("model.layers.*.mlp.up_proj", True),
        (r"model\.layers.*.mlp.up_proj", True),
        (r"^model\.layers", False),
        ("mlp.up_proj", False),
    ],
)
def test_keys_as_it_reads_them(key: str, taken: bool) -> None:
    found = SglangKeyMatch(PROFILE.plan)([key], "layers.0.mlp.up_proj")
    assert found == (key if taken else None)


@pytest.mark.parametrize(
    ("saved", "wanted"),
    [
        ("model.layers.0.weight", "model.layers.0.weight"),
        ("transformer.h.0.weight", "model.h.0.weight"),
        ("model.transformer.h.0.weight", "model.h.0.weight"),
        ("embed_out.weight", "lm_head.weight"),
        ("decoder.layers.0.weight", "model.decoder.layers.0.weight"),
    ],
)
def test_names_of_a_checkpoint(saved: str, wanted: str) -> None:
    assert placed(saved, PROFILE.loading.prefixes.value) == wanted

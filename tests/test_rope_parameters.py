"""`rope_parameters` of a config: what transformers 5 makes of one that says a base alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from forgather_lint.core.settings import Settings
from forgather_lint.session.checking import check
from tests.fixture_models import copy_model

READ = 'self.rope_theta = config.rope_parameters["rope_theta"]'
TARGET = ("vllm==0.32", "transformers==5.19")


def codes(folder: Path) -> list[str]:
    """What `check` finds, but for the sizes that serve."""
    reports = list(check((folder,), Settings(target=TARGET, tensor_parallel_size=(1,))))
    return [found.code for report in reports for found in report.diagnostics]


@pytest.mark.parametrize(
    ("standardized", "expected"),
    [("self.standardize_rope_params()", []), ("pass", ["FGL903"])],
)
def test_a_base_alone_is_standardized(
    tmp_path: Path, standardized: str, expected: list[str]
) -> None:
    """A class attribute hides the property of the base class, as in Cohere2MoeConfig (5.23).

    vLLM fills in what transformers does not: without it the model raises there, and not in vLLM.
    """
    model = copy_model("hf_llama", tmp_path)
    config, modeling = model / "configuration_hf_llama.py", model / "modeling_hf_llama.py"
    text = config.read_text("utf-8")
    text = text.replace("    def __init__(", "    rope_scaling = None\n\n    def __init__(")
    config.write_text(f"{text.rstrip()}\n        {standardized}\n", "utf-8")
    code = modeling.read_text("utf-8")
    assert "self.rope_theta = config.rope_theta" in code
    modeling.write_text(code.replace("self.rope_theta = config.rope_theta", READ), "utf-8")
    assert sorted(set(codes(model)) - {"FGL290"}) == expected

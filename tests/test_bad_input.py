"""Input that is broken or hostile ends in a finding or one clear line: no traceback, in time."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from forgather_lint.core.settings import Settings
from forgather_lint.session.checking import check
from tests.fixture_models import copy_model

MODEL = "modeling_hf_llama.py"
CONFIG = "config.json"
Break = Callable[[Path], object]


def text(name: str, content: str) -> Break:
    return lambda folder: (folder / name).write_text(content, "utf-8")


def before(code: str) -> Break:
    """Lines in front of the model's own."""

    def put(folder: Path) -> None:
        (folder / MODEL).write_text(code + "\n" + (folder / MODEL).read_text("utf-8"), "utf-8")

    return put


def values(**changes: Any) -> Break:
    """Other values in config.json."""

    def put(folder: Path) -> None:
        known = json.loads((folder / CONFIG).read_text("utf-8"))
        (folder / CONFIG).write_text(json.dumps(known | changes), "utf-8")

    return put


def linked(name: str, target: str) -> Break:
    def put(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(target)

    return put


def piped(name: str) -> Break:
    def put(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        os.mkfifo(folder / name)

    return put


def cycle(folder: Path) -> None:
    (folder / "a.py").write_text("from .b import B\nclass A: pass\n")
    (folder / "b.py").write_text("from .a import A\nclass B: pass\n")
    before("from .a import A")(folder)


PLAN = {"layers.*." + "*" * 40 + "q_proj": "colwise", "(" * 20 + "a+" + ")+" * 20 + "$": "rowwise"}
CLASSES = "class C0: pass\n" + "\n".join(f"class C{i + 1}(C{i}): pass" for i in range(3000))
BROKEN: dict[str, Break] = {
    "not Python": lambda folder: (folder / MODEL).write_bytes(bytes(range(256)) * 50),
    "not UTF-8": lambda folder: (folder / MODEL).write_bytes(b"# caf\xe9\n"),
    "syntax error": before("def (:"),
    "text and bytes in a row": before("x = 'a' b'b'"),
    "10 MB in one line": before("x = '" + "a" * 10_000_000 + "'"),
    "5,000 brackets": before("x = " + "(" * 5000 + ")" * 5000),
    "a text that doubles": before('x = "a"\nfor i in range(100):\n    x = x + x'),
    "a number that is squared": before("x = 3\nfor i in range(100):\n    x = x * x"),
    "a number that is shifted": before("x = 1\nfor i in range(9999):\n    x = x << 999"),
    "import cycle": cycle,
    "link to itself": linked("loop", "."),
    "link to an endless file": linked(CONFIG, "/dev/zero"),
    "endless source": linked(MODEL, "/dev/zero"),
    "pipe as source": piped(MODEL),
    "pipe as config": piped(CONFIG),
    "config cut off": text(CONFIG, '{"architectures": ["Hf'),
    "config is a list": text(CONFIG, "[1, 2]"),
    "config nested deep": text(CONFIG, '{"a":' * 20_000 + "1" + "}" * 20_000),
    "auto_map names no file": values(auto_map={"AutoModelForCausalLM": "nowhere.X"}),
    "auto_map is a number": values(auto_map=3),
    "a billion layers": values(num_hidden_layers=10**9),
    "more layers than atoms": values(num_hidden_layers=10**400),
    "layers are a list": values(num_hidden_layers=[1]),
    "constructor builds itself": before("class P:\n    def __init__(self): self.p = P()\nP()"),
    "function calls itself": before("def f(x):\n    return f(x + 1)\nf(0)"),
    "property reads itself": before(
        "class P:\n    @property\n    def a(self): return self.a\nP().a"
    ),
    "loop without end": before("while True:\n    x = 1"),
    "list that grows": before("x = [1]\nwhile True:\n    x = x + x"),
    "number that grows": before("x = 10\nfor i in range(100):\n    x = x ** x"),
    "huge constants": before("x = 1 << (1 << 40)\ny = [0] * 10**12\nz = range(10**12)"),
    "list that holds itself": before("l = []\nl.append(l)\nstr(l)\nl == l"),
    "classes 3,000 deep": before(CLASSES + "\nx = C3000()"),
    "patterns without end": values(base_model_tp_plan=PLAN),
}


@pytest.mark.parametrize("name", BROKEN)
def test_it_ends_in_a_finding_or_a_clear_line(name: str, tmp_path: Path) -> None:
    folder = copy_model("hf_llama", tmp_path)
    BROKEN[name](folder)
    (report,) = check([folder], Settings())
    assert not (report.error or "").startswith("internal error"), report.error
    assert "FGL999" not in {found.code for found in report.diagnostics}
    assert report.error or report.diagnostics

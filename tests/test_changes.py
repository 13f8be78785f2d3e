"""Changes of a text apply where they say, once, or fail with their line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases import SuiteError, read_cases
from tests.changes import ChangeFailed, changed

OLD = """\
import torch


class One:
    width = 1

    def forward(self, x):
        y = x + 1
        return y  # 1


class Two:
    @property
    def forward(self, x):
        y = x + 1
        return y  # 2
"""


@pytest.mark.parametrize(
    ("change", "old", "new"),
    [
        ("-import torch\n+import numpy\n", "import torch", "import numpy"),
        (
            "@@ Two.forward\n-        return y  # 2\n+        return 2\n",
            "return y  # 2",
            "return 2",
        ),
        ("@@ One.width\n-...\n", "    width = 1\n", ""),
        ("@@ One\n+    depth = 2\n", "# 1\n", "# 1\n    depth = 2\n"),
        (
            "@@ One\n     width = 1\n ...\n+# z\n         y = x + 1\n",
            "        y = x + 1\n",
            "# z\n        y = x + 1\n",
        ),
    ],
    ids=["a line", "in a method", "an assignment", "at the end of a class", "further below"],
)
def test_a_change_applies_where_it_says(change: str, old: str, new: str) -> None:
    made = changed(OLD, change)
    assert made == OLD.replace(old, new, 1)


def test_a_function_is_replaced_by_its_name() -> None:
    new = changed(OLD, "@@ Two.forward\n-...\n+    def forward(self):\n+        return 0\n")
    assert new == OLD[: OLD.index("    @property")] + "    def forward(self):\n        return 0\n"


def test_hunks_speak_of_the_old_text() -> None:
    change = (
        "@@ One.forward\n-        y = x + 1\n+        y = x\n@@ Two.forward\n         y = x + 1\n"
    )
    assert changed(OLD, change).count("y = x + 1") == 1


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ("         y = x + 1\n+        y = 2\n", "line 1: the file has 2 such lines"),
        ("\n@@ One.forward\n-        y = 3\n", "line 2: `One.forward` has no such lines"),
        ("@@ Three.forward\n-...\n", "line 1: there is no `Three.forward`"),
        ("@@ One\nwidth = 2\n", "line 2: begins with neither"),
        ("@@ One\n-...\n@@ One.width\n-...\n", "line 3: changes lines that line 1 changes too"),
    ],
)
def test_a_change_that_does_not_fit_fails_with_its_line(change: str, error: str) -> None:
    with pytest.raises(ChangeFailed, match=error.replace(".", r"\.")):
        changed(OLD, change.removeprefix("\n"), row=1 + change.startswith("\n"))


def suite(folder: Path, text: str) -> Path:
    """A suite beside a shared model of two files."""
    (folder / "family").mkdir()
    (folder / "models.md").write_text(
        '## tiny\n\n```json config.json\n{"size": 8, "map": {"a": 1}}\n```\n\n'
        "```py m.py\nx = 1\n```\n"
    )
    file = folder / "family" / "rule.md"
    file.write_text("# rule\n\nCodes: FGL100\nModel: tiny\nTarget: vllm==0.32\n\n" + text)
    return file


def test_a_case_states_what_differs(tmp_path: Path) -> None:
    text = (
        "## one\n\nSizes: 2\n\n"
        "```json config.json (merge)\n"
        '{\n  "map": {"b": 2},\n  "size": 9  // error: [FGL100]\n}\n```\n\n'
        '```diff m.py\n x = 1  # info: 3 [FGL100] "text"\n```\n'
    )
    (case,) = read_cases(suite(tmp_path, text))
    assert (
        case.files["config.json"]
        == '{\n  "size": 9,\n  "map": {\n    "a": 1,\n    "b": 2\n  }\n}\n'
    )
    assert case.settings.target == ("vllm==0.32",)
    assert case.settings.tensor_parallel_size == (2,)
    places = [(each.file, each.row, each.column, each.text) for each in case.expected]
    assert places == [("config.json", 2, 0, ""), ("m.py", 1, 3, "text")]


@pytest.mark.parametrize(
    ("fence", "error"),
    [
        (
            "```diff m.py\n-x = 2\n```\n",
            "rule.md:10: m.py: line 10: the file has no such lines: x = 2",
        ),
        ("```diff n.py\n-x = 2\n```\n", "rule.md:10: changes n.py, which is not there"),
        ("```json config.json (merge)\n{\n```\n", "rule.md:10: config.json: "),
        ("```py m.py\nx = 1\n", "rule.md:8: a fence has no end or no file name"),
    ],
)
def test_a_suite_that_cannot_be_read_says_where(tmp_path: Path, fence: str, error: str) -> None:
    with pytest.raises(SuiteError, match=error):
        list(read_cases(suite(tmp_path, f"## one\n\n{fence}")))

"""Pages and drawings for a browser: what they show, and that text of a model stays text."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from forgather_lint.shell.cli import cli
from forgather_lint.shell.pages.page import prose
from forgather_lint.shell.size_table import bytes_in_words
from tests.fixture_models import MODELS, copy_model

TARGET = ("--target", "vllm==0.32")
HOSTILE = "</text></td><script>alert(1)</script><img src=x onerror=alert(1)>"
VOID = ("meta", "!doctype")


def run(*arguments: str | Path) -> str:
    result = CliRunner().invoke(cli, list(map(str, arguments)))
    assert result.exit_code == 0, result.output
    return result.stdout


class Reader(HTMLParser):
    """All elements with their attributes; each must be closed where it was opened."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.said: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.said.append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


def harmless(page: Reader) -> bool:
    """Whether nothing on the page runs or is fetched."""
    forbidden = {"script", "img", "link", "iframe", "object", "form", "base"}
    policy = [each for tag, each in page.seen if tag == "meta" and "http-equiv" in each]
    attributes = {name for _, given in page.seen for name in given}
    return (
        not forbidden & {tag for tag, _ in page.seen}
        and policy[0]["content"] == "default-src 'none'; style-src 'unsafe-inline'"
        and not {each for each in attributes if each.startswith("on") or each in ("src", "href")}
    )


def matrix_bytes(model: Path, ranks: int) -> int:
    told = run("matrix", model, *TARGET, "-tp", str(ranks), "-pp", "1", "--output-format=json")
    (cell,) = json.loads(told)
    size: int = cell["bytes_per_rank"]
    return size


@pytest.mark.parametrize("name", ["hf_packed_qkv", "hf_llama", "hf_tied", "hf_moe"])
def test_the_tree_shows_the_bytes_that_the_matrix_counts(name: str) -> None:
    model = MODELS / name
    text = run("structure", model, *TARGET, "-tp", "1,2", "--output-format=svg")
    drawing = ElementTree.fromstring(text)
    lines: dict[str, list[str]] = {}
    for each in drawing.iter("{http://www.w3.org/2000/svg}text"):
        lines.setdefault(each.attrib["y"], []).append(each.text or "")
    root = list(lines.values())[2]
    expected = [bytes_in_words(matrix_bytes(model, ranks)) for ranks in (1, 2)]
    assert root[-2:] == expected
    page = read(run("structure", model, *TARGET, "-tp", "1,2", "--output-format=html"))
    assert harmless(page)
    assert set(expected) <= set(page.said)
    assert "as vLLM 0.32.0 splits it" in page.said


def test_the_tree_shows_styles_and_shapes() -> None:
    model = MODELS / "hf_llama"
    page = read(run("structure", model, *TARGET, "--output-format=html"))
    place = page.said.index("q_proj")
    row = [each.strip() for each in page.said[place : place + 4]]
    assert row == ["q_proj", "Linear", "weight 256x128", "column"]


def test_the_matrix_is_a_page_of_its_own() -> None:
    model = MODELS / "broken_llama"
    two = ("--target", "vllm==0.13", "--target", "vllm==0.32")
    page = read(run("matrix", model, *two, "-tp", "1,2", "--output-format=html"))
    assert harmless(page)
    heads = [each for each in page.said if each.startswith("vLLM ")]
    assert heads == ["vLLM 0.13.0 with transformers 4.57.6", "vLLM 0.32.0 with transformers 5.19.0"]
    verdicts = [
        attributes["class"]
        for _, attributes in page.seen
        if "verdict" in (attributes.get("class") or "")
    ]
    assert set(verdicts) == {"verdict serves", "verdict fails"}
    assert any("must match the size of tensor b" in each for each in page.said)
    assert "prefers-color-scheme: dark" in "".join(page.said)
    told = run("matrix", model, *TARGET, "--gpu-memory", "1GiB", "--output-format=html")
    assert "Memory of the fullest rank" in read(told).said


def test_what_an_engine_quotes_is_shown_as_code() -> None:
    assert prose("no `<b>` in `mlp`") == "no <code>&lt;b&gt;</code> in <code>mlp</code>"


def hostile(tmp_path: Path) -> Path:
    model = copy_model("hf_llama", tmp_path)
    (file,) = model.glob("modeling_*.py")
    text = file.read_text("utf-8")
    layers = "        self.layers = nn.ModuleList("
    assert text.count(layers) == 1
    extra = f"        self.extra = nn.ModuleDict({{{HOSTILE!r}: nn.Linear(4, 4)}})\n"
    text = text.replace(layers, extra + layers)
    file.write_text(text, "utf-8")
    return model


def test_names_of_a_model_stay_text(tmp_path: Path) -> None:
    model = hostile(tmp_path)
    page = read(run("structure", model, *TARGET, "--output-format=html"))
    assert harmless(page)
    assert HOSTILE in page.said
    drawing = ElementTree.fromstring(run("structure", model, *TARGET, "--output-format=svg"))
    assert HOSTILE in [(each.text or "").strip() for each in drawing.iter()]
    kinds = {each.tag.rpartition("}")[2] for each in drawing.iter()}
    assert kinds == {"svg", "title", "style", "rect", "text"}


def test_errors_of_a_model_stay_text(tmp_path: Path) -> None:
    model = copy_model("hf_llama", tmp_path)
    (file,) = model.glob("modeling_*.py")
    text = re.sub(
        r"(\n        super\(\).__init__\(config\)\n)",
        rf"\1        raise ValueError({HOSTILE!r})\n",
        file.read_text("utf-8"),
    )
    file.write_text(text, "utf-8")
    page = read(run("matrix", model, *TARGET, "-tp", "1", "-pp", "1", "--output-format=html"))
    assert harmless(page)
    assert any(HOSTILE in each for each in page.said)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--output-format=html", "--params"),
        ("--output-format=svg", "--checkpoint"),
        ("-tp", "2"),
    ],
)
def test_what_does_not_go_together_is_refused(arguments: tuple[str, ...]) -> None:
    given: list[Any] = ["structure", str(MODELS / "hf_llama"), *arguments]
    assert CliRunner().invoke(cli, given).exit_code == 2

"""The language server, through its protocol: what an editor shows of a model as it is typed."""

from __future__ import annotations

from pathlib import Path

from tests.fixture_models import copy_model
from tests.language_client import LanguageClient, Message, applied, editing

CONFIG, MODEL = "configuration_broken_llama.py", "modeling_broken_llama.py"


def codes(diagnostics: list[Message]) -> list[str]:
    return [each["code"] for each in diagnostics]


def test_a_broken_model_is_mended_in_an_editor(tmp_path: Path) -> None:
    """Opened, read, fixed by what is offered, and in order: nothing is written on the way."""
    model = copy_model("broken_llama", tmp_path)
    config, code = model / CONFIG, model / MODEL
    before = config.read_text("utf-8")
    with editing(tmp_path) as client:
        client.open(config)
        found = client.on(config)
        assert codes(found) == ["FGL101"] * 5
        first = found[0]
        assert first["severity"] == 1
        assert first["message"].startswith("`layers.*.self_attn.q_proj` matches no module")
        assert "query_linear` is built here" in first["relatedInformation"][0]["message"]
        assert first["codeDescription"]["href"].endswith("tp_pattern_matches_nothing.py")
        elsewhere = client.on(code)
        assert codes(elsewhere) == ["FGL202", "FGL290"]
        for each in found:
            offered = client.ask(
                "textDocument/codeAction",
                textDocument={"uri": config.as_uri()},
                range=each["range"],
                context={"diagnostics": [each]},
            )
            fix = offered[0]
            assert fix["title"].startswith("Rename the pattern to")
            assert codes(fix["diagnostics"]) == ["FGL101"]
            texts = applied(fix["edit"], {config.as_uri(): client.texts[str(config)]})
            client.change(config, texts[config.as_uri()])
            found = client.on(config)
        assert found == []
        assert codes(client.on(code)) == ["FGL290"]
    assert config.read_text("utf-8") == before


def test_all_safe_fixes_are_one_action(tmp_path: Path) -> None:
    config = copy_model("broken_llama", tmp_path) / CONFIG
    with editing(tmp_path) as client:
        client.open(config)
        found = client.on(config)
        (action,) = client.ask(
            "textDocument/codeAction",
            textDocument={"uri": config.as_uri()},
            range=found[-1]["range"],
            context={"diagnostics": [], "only": ["source.fixAll"]},
        )
        assert action["kind"] == "source.fixAll.forgatherLint"
        texts = applied(action["edit"], {config.as_uri(): client.texts[str(config)]})
        client.change(config, texts[config.as_uri()])
        assert codes(client.on(config)) == ["FGL101"], "the fifth is unsafe: likeness alone"


def test_a_finding_is_ignored_on_its_line(tmp_path: Path) -> None:
    config = copy_model("broken_llama", tmp_path) / CONFIG
    with editing(tmp_path) as client:
        client.open(config)
        found = client.on(config)
        offered = client.ask(
            "textDocument/codeAction",
            textDocument={"uri": config.as_uri()},
            range=found[0]["range"],
            context={"diagnostics": []},
        )
        ignore = next(each for each in offered if each["title"] == "Ignore FGL101 on this line")
        texts = applied(ignore["edit"], {config.as_uri(): client.texts[str(config)]})
        client.change(config, texts[config.as_uri()])
        assert codes(client.on(config)) == ["FGL101"] * 4


def test_columns_are_those_of_the_editor(tmp_path: Path) -> None:
    """In UTF-16 a letter beyond the first plane counts twice."""
    config = copy_model("broken_llama", tmp_path) / CONFIG
    text = config.read_text("utf-8").replace('"layers.*.self_attn.q_proj"', '"\U0001f600q_proj"')
    text = text.replace('"colwise",', '"rowwize",  # \U0001f600', 1)
    for encodings, length in ((None, 10), (["utf-32"], 9), (["utf-8"], 12)):
        capabilities = {"general": {"positionEncodings": encodings}} if encodings else {}
        with editing(tmp_path, capabilities=capabilities) as client:
            client.open(config, text)
            span = next(each for each in client.on(config) if each["code"] == "FGL101")["range"]
            assert span["end"]["character"] - span["start"]["character"] == length
            row, line = next(x for x in enumerate(text.split("\n")) if "rowwize" in x[1])
            start = line.index("rowwize") + length - 9
            place = {"line": row, "character": start}
            change = {"range": {"start": place, "end": place}, "text": "x"}
            client.change(config, text, change)
            assert any("`xrowwize`" in each["message"] for each in client.on(config))


def hover(client: LanguageClient, file: Path, marked: str) -> str:
    """What is told at the first place of `marked` in an open document."""
    before = client.texts[str(file)].partition(marked)[0]
    place = {"line": before.count("\n"), "character": len(before.rpartition("\n")[2]) + 1}
    came = client.ask("textDocument/hover", textDocument={"uri": file.as_uri()}, position=place)
    return str(came["contents"]["value"]) if came else ""


def test_a_line_ends_where_editors_end_it(tmp_path: Path) -> None:
    """A form feed is a letter like another: what is typed behind it stands where it was typed."""
    config = copy_model("broken_llama", tmp_path) / CONFIG
    with editing(tmp_path) as client:
        client.open(config)
        before = client.texts[str(config)]
        row = next(n for n, line in enumerate(before.split("\n")) if "self_attn.q_proj" in line)
        lines = before.split("\n")
        for letter, typed_at in (("\f", (0, 16)), ("\u2028", (0, 20)), ("x", (row, 30))):
            line, column = typed_at
            lines[line] = lines[line][:column] + letter + lines[line][column:]
            point = {"line": line, "character": column}
            change = {"range": {"start": point, "end": point}, "text": letter}
            client.change(config, "\n".join(lines), change)
        found = [each for each in client.on(config) if each["range"]["start"]["line"] == row]
        assert lines[row].split('"')[1] in found[0]["message"]


def test_hover_tells_what_an_entry_and_a_module_are(tmp_path: Path) -> None:
    model = copy_model("hf_llama", tmp_path)
    config, code = model / "configuration_hf_llama.py", model / "modeling_hf_llama.py"
    with editing(tmp_path) as client:
        client.open(config)
        client.open(code)
        client.open(model / "config.json", language="json")
        told = hover(client, config, '"layers.*.self_attn.q_proj"')
        assert "`layers.*.self_attn.q_proj` (4 of them)" in told
        assert "weight `[256, 128]`, `[128, 128]` on each of 2 ranks" in told
        assert "nothing is exchanged" in told
        assert "read by vLLM" in told
        assert "all-reduce" in hover(client, config, '"layers.*.mlp.down_proj"')
        told = hover(client, config, '"layers": (')
        assert "2 stages: layers.0 to 1, layers.2 to 3" in told
        told = hover(client, code, "nn.Linear(query_size")
        assert "`layers.*.self_attn.o_proj` (4 of them): `Linear`" in told
        assert "by the entry `layers.*.self_attn.o_proj`" in told
        assert "128 KiB on each of 2 ranks" in told
        told = hover(client, model / "config.json", '"num_key_value_heads"')
        assert "4 divides by 1, 2, 4" in told
        assert hover(client, code, "import torch") == ""

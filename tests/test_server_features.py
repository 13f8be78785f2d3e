"""What the language server shows and offers besides findings, through its protocol."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.fixture_models import copy_model
from tests.forgather_projects import write_workspace
from tests.language_client import LanguageClient, Message, applied, editing

CONFIG, CODE = "configuration_hf_llama.py", "modeling_hf_llama.py"
APPLY = "workspace/applyEdit"


def point(text: str, marked: str, behind: bool = False) -> dict[str, int]:
    """The first character of the first `marked` in `text`, or the point behind it."""
    before = text.partition(marked)[0] + (marked if behind else "")
    return {"line": before.count("\n"), "character": len(before.rpartition("\n")[2]) + (not behind)}


def asked(client: LanguageClient, feature: str, file: Path, marked: str, **more: object) -> Any:
    """The answer to a request at the first `marked` in an open document."""
    place = point(client.texts[str(file)], marked)
    document = {"uri": file.as_uri()}
    return client.ask(f"textDocument/{feature}", textDocument=document, position=place, **more)


def places(locations: list[Message], lines: dict[str, list[str]]) -> list[str]:
    """The text that each location covers, or the line where that begins."""
    found = []
    for each in locations:
        start, end = each["range"]["start"], each["range"]["end"]
        line = lines[each["uri"]][start["line"]]
        last = end["character"] if start["line"] == end["line"] else None
        found.append(line[start["character"] : last])
    return found


def test_from_a_pattern_to_its_modules_and_back(tmp_path: Path) -> None:
    model = copy_model("hf_llama", tmp_path)
    config, code = model / CONFIG, model / CODE
    lines = {each.as_uri(): each.read_text("utf-8").split("\n") for each in (config, code)}
    with editing(tmp_path) as client:
        client.open(config)
        client.open(code)
        found = asked(client, "definition", config, '"layers.*.mlp.gate_proj"')
        assert places(found, lines) == ["nn.Linear("]
        found = asked(client, "definition", code, "nn.Linear(query_size")
        assert places(found, lines) == ['"layers.*.self_attn.o_proj"']
        found = asked(
            client, "references", code, "nn.Embedding(config", context={"includeDeclaration": True}
        )
        assert places(found, lines) == [
            '"embed_tokens"',
            "nn.Embedding(config.vocab_size, config.hidden_size)",
        ]
        assert asked(client, "definition", code, "import torch") == []


def test_from_a_template_to_what_it_names_and_back(tmp_path: Path) -> None:
    workspace = write_workspace(tmp_path)
    library = tmp_path / "forgather" / "checkout" / "templatelib"
    config = workspace / "llama" / "templates" / "configs" / "small.yaml"
    template = library / "examples" / "models" / "transformers" / "dynamic_llama.yaml"
    parent = library / "base" / "models" / "causal_lm" / "custom_dynamic.yaml"
    part = tmp_path / "models" / "forgather_llama" / "glu_feedforward.py"
    files = (config, template, parent, part)
    lines = {each.as_uri(): each.read_text("utf-8").split("\n") for each in files}
    context = {"includeDeclaration": True}
    with editing(workspace) as client:
        client.open(config, language="yaml")
        client.open(template, language="yaml")
        client.on(template)

        def defined(file: Path, marked: str) -> list[tuple[str, str]]:
            found = asked(client, "definition", file, marked)
            names = [each["uri"].rpartition("/")[2] for each in found]
            return list(zip(names, places(found, lines), strict=True))

        extended = defined(template, "models/causal_lm/custom_dynamic")
        assert [name for name, _ in extended] == [parent.name]
        assert defined(template, "model_config]") == [(parent.name, "model_config")]
        assert defined(template, ".glu_feedforward:GLU") == [(part.name, "")]
        assert defined(config, "small.model")[0][1].startswith("-- extends")
        client.open(part)
        found = asked(client, "references", part, "class GLUFeedforwardLayer", context=context)
        assert places(found, lines) == [".glu_feedforward:GLUFeedforwardLayer"]


def test_plans_are_an_outline(tmp_path: Path) -> None:
    config = copy_model("hf_llama", tmp_path) / CONFIG
    with editing(tmp_path) as client:
        client.open(config)
        document = {"uri": config.as_uri()}
        found = client.ask("textDocument/documentSymbol", textDocument=document)
        assert [each["name"] for each in found] == ["base_model_tp_plan", "base_model_pp_plan"]
        entries = found[0]["children"]
        assert [each["name"] for each in entries][:2] == [
            "layers.*.self_attn.q_proj",
            "layers.*.self_attn.k_proj",
        ]
        assert entries[0]["detail"] == "colwise"
        assert len(found[1]["children"]) == 3


def test_the_verdict_stands_above_the_class(tmp_path: Path) -> None:
    code = copy_model("hf_llama", tmp_path) / CODE
    with editing(tmp_path, options={"target": ["vllm==0.32"]}) as client:
        client.open(code)
        document = {"uri": code.as_uri()}
        (lens,) = client.ask("textDocument/codeLens", textDocument=document)
        line = client.texts[str(code)].split("\n")[lens["range"]["start"]["line"]]
        assert line == "class HfLlamaModel(HfLlamaPreTrainedModel):"
        assert lens["command"]["title"] == (
            "vLLM 0.32.0: serves at 1, 2, 4, 8 ranks and 2, 4 stages"
        )


def hints(client: LanguageClient, file: Path) -> list[Message]:
    whole = {"start": {"line": 0, "character": 0}, "end": {"line": 10_000, "character": 0}}
    document = {"uri": file.as_uri()}
    return list(client.ask("textDocument/inlayHint", textDocument=document, range=whole))


def test_styles_stand_beside_projections_when_that_is_wanted(tmp_path: Path) -> None:
    code = copy_model("hf_llama", tmp_path) / CODE
    with editing(tmp_path) as client:
        client.open(code)
        assert hints(client, code) == []
        settings = {"forgather-lint": {"inlayHints": True}}
        client.tell("workspace/didChangeConfiguration", settings=settings)
        found = hints(client, code)
        assert [each["label"] for each in found] == [
            *["colwise [128, 128]", "colwise [64, 128]", "colwise [64, 128]"],
            *["rowwise [128, 128]", "colwise [128, 128]", "colwise [128, 128]"],
            "rowwise [128, 128]",
        ]
        row, column = found[0]["position"]["line"], found[0]["position"]["character"]
        line = client.texts[str(code)].split("\n")[row]
        assert line[:column].endswith("nn.Linear(config.hidden_size, query_size, bias=bias)")


def completed(client: LanguageClient, file: Path, typed: str) -> list[Message]:
    """What is offered behind `typed`, which is put in the place of the first entry's line."""
    rows = client.texts[str(file)].split("\n")
    row = next(i for i, line in enumerate(rows) if "q_proj" in line or "layers.*.s" in line)
    rows[row] = typed
    client.change(file, "\n".join(rows))
    return list(
        client.ask(
            "textDocument/completion",
            textDocument={"uri": file.as_uri()},
            position={"line": row, "character": len(typed)},
        )
    )


def test_names_and_styles_complete_what_is_typed(tmp_path: Path) -> None:
    """Also while the text is no Python."""
    config = copy_model("hf_llama", tmp_path) / CONFIG
    with editing(tmp_path) as client:
        client.open(config)
        asked(client, "hover", config, '"layers.*.self_attn.q_proj"')
        found = completed(client, config, '        "layers.*.self_attn.q')
        labels = [each["label"] for each in found]
        assert "layers.*.input_layernorm" in labels
        assert "layers.*.self_attn" not in labels
        assert found[0]["textEdit"]["range"]["start"]["character"] == 9
        found = completed(client, config, '        "layers.*.self_attn.q_proj": "')
        assert {"colwise", "rowwise"} <= {each["label"] for each in found}
        document, start = {"uri": config.as_uri()}, {"line": 0, "character": 0}
        nothing = client.ask("textDocument/completion", textDocument=document, position=start)
        assert nothing == []


def test_what_a_plan_lacks_is_inserted(tmp_path: Path) -> None:
    config = copy_model("hf_llama", tmp_path) / CONFIG
    whole = config.read_text("utf-8")
    text = whole.replace('        "layers.*.mlp.up_proj": "colwise",\n', "")
    text = text.replace(
        '"layers.*.self_attn.q_proj": "colwise",', '"layers.*.a": "colwise",  # mine'
    )
    with editing(tmp_path) as client:
        edits: list[Message] = []

        def apply(given: Message) -> Message:
            edits.append(given["edit"])
            return {"applied": True}

        client.answers_to[APPLY] = apply
        client.open(config, text)
        place = point(text, '"layers.*.self_attn.k_proj"')
        offered = client.ask(
            "textDocument/codeAction",
            textDocument={"uri": config.as_uri()},
            range={"start": place, "end": place},
            context={"diagnostics": []},
        )
        commands = {each["title"]: each["command"] for each in offered if "command" in each}
        assert list(commands) == ["Infer the plan from the data flow", "Insert the missing entries"]
        for title, mine in (("Insert the missing entries", True), (next(iter(commands)), False)):
            chosen = commands[title]
            client.ask(
                "workspace/executeCommand",
                command=chosen["command"],
                arguments=chosen["arguments"],
            )
            made = applied(edits.pop(), {config.as_uri(): text})[config.as_uri()]
            assert '"layers.*.mlp.up_proj": "colwise",' in made
            assert '"layers.*.self_attn.q_proj": "colwise",' in made
            assert ("# mine" in made) is mine


def test_clients_that_ask_are_sent_nothing_unasked(tmp_path: Path) -> None:
    model = copy_model("broken_llama", tmp_path)
    config, code = (model / f"{each}_broken_llama.py" for each in ("configuration", "modeling"))
    capabilities = {
        "textDocument": {"diagnostic": {}},
        "workspace": {"diagnostics": {"refreshSupport": True}},
    }
    with editing(tmp_path, capabilities=capabilities) as client:
        assert client.capabilities["diagnosticProvider"]["workspaceDiagnostics"]
        client.open(config)
        document = {"uri": config.as_uri()}
        came = client.ask("textDocument/diagnostic", textDocument=document)
        assert [each["code"] for each in came["items"]] == ["FGL101"] * 5
        again = client.ask(
            "textDocument/diagnostic", textDocument=document, previousResultId=came["resultId"]
        )
        assert again["kind"] == "unchanged"
        whole = client.ask("workspace/diagnostic", previousResultIds=[])
        found = {x["uri"]: [each["code"] for each in x["items"]] for x in whole["items"]}
        assert found == {config.as_uri(): ["FGL101"] * 5, code.as_uri(): ["FGL202", "FGL290"]}
        assert client.told("textDocument/publishDiagnostics") == []


PULLING = {
    "textDocument": {"diagnostic": {}},
    "workspace": {"diagnostics": {"refreshSupport": True}, "workspaceFolders": True},
    "window": {"workDoneProgress": True},
}


def test_roots_come_and_go(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    copy_model("broken_llama", one)
    copy_model("broken_llama", other)
    folders = [{"uri": root.as_uri(), "name": root.name} for root in (one, other)]
    with editing(one, capabilities=PULLING) as client:

        def roots() -> set[str]:
            found = client.ask("workspace/diagnostic", previousResultIds=[])["items"]
            paths = [Path(each["uri"].removeprefix("file://")) for each in found]
            return {path.relative_to(tmp_path).parts[0] for path in paths}

        changed = "workspace/didChangeWorkspaceFolders"
        assert roots() == {"one"}
        client.tell(changed, event={"added": [folders[1]], "removed": []})
        assert roots() == {"one", "other"}
        client.tell(changed, event={"added": [], "removed": [folders[0]]})
        assert roots() == {"other"}


def test_what_takes_long_is_shown(tmp_path: Path) -> None:
    """Of many models the one that is being looked at is named."""
    for number in range(30):
        copy_model("hf_llama", tmp_path / str(number), num_hidden_layers=20 + number)
    with editing(tmp_path, capabilities=PULLING) as client:
        client.ask("workspace/diagnostic", previousResultIds=[])
        shown = [each["value"] for each in client.told("$/progress")]
        assert shown[0] == {"kind": "begin", "title": "Checking the workspace"}
        assert all(each["message"].startswith(str(tmp_path)) for each in shown[1:-1])
        assert shown[1:-1]
        assert shown[-1] == {"kind": "end"}


HOSTILE = {
    CODE: [
        "x = " + "(" * 5_000 + ")" * 5_000,
        "\0",
        "\u202e def",
        "f(" * 900,
    ],
    "config.json": ["[" * 99_999, '{"hidden_size": ' + "9" * 5_000 + "}", '{"a": ' * 2_000, "\0"],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_are_findings(name: str, tmp_path: Path) -> None:
    """As they are typed; what is typed next is answered as ever."""
    file = copy_model("hf_llama", tmp_path) / name
    whole = file.read_text("utf-8")
    with editing(tmp_path) as client:
        client.open(file)
        before = client.on(file)
        for text in HOSTILE[name]:
            client.change(file, text)
            assert client.on(file), text[:20]
        client.change(file, whole)
        assert client.on(file) == before


ZED = {
    "general": {"positionEncodings": ["utf-16"]},
    "workspace": {
        "applyEdit": True,
        "configuration": True,
        "diagnostics": {"refreshSupport": True},
        "didChangeConfiguration": {"dynamicRegistration": True},
        "didChangeWatchedFiles": {"dynamicRegistration": True, "relativePatternSupport": True},
        "inlayHint": {"refreshSupport": True},
        "symbol": {},
        "workspaceEdit": {
            "documentChanges": True,
            "resourceOperations": ["create", "rename", "delete"],
            "snippetEditSupport": True,
        },
        "workspaceFolders": True,
    },
    "textDocument": {
        "codeAction": {
            "codeActionLiteralSupport": {
                "codeActionKind": {"valueSet": ["refactor", "quickfix", "source"]}
            },
            "dataSupport": True,
            "resolveSupport": {
                "properties": ["kind", "diagnostics", "isPreferred", "disabled", "edit", "command"]
            },
        },
        "definition": {"linkSupport": True},
        "diagnostic": {"dynamicRegistration": False, "relatedDocumentSupport": True},
        "hover": {"contentFormat": ["markdown"]},
        "publishDiagnostics": {"relatedInformation": True},
        "synchronization": {"didSave": True},
    },
    "window": {"workDoneProgress": True},
}
"""What Zed says that it can (`default_initialize_params` in its `crates/lsp/src/lsp.rs`)."""


def test_what_zed_says_and_asks_is_answered(tmp_path: Path) -> None:
    """Zed is not to be had here: this is what it would be told, by its own capabilities."""
    config = copy_model("broken_llama", tmp_path) / "configuration_broken_llama.py"
    with editing(tmp_path, capabilities=ZED) as client:
        client.open(config)
        document = {"uri": config.as_uri()}
        found = client.ask("textDocument/diagnostic", textDocument=document)["items"]
        assert [each["code"] for each in found] == ["FGL101"] * 5
        hover = asked(client, "hover", config, "layers.*.self_attn.q_proj")
        assert hover["contents"]["kind"] == "markdown"
        fix = client.ask(
            "textDocument/codeAction",
            textDocument=document,
            range=found[0]["range"],
            context={"diagnostics": found[:1], "only": ["refactor", "quickfix", "source"]},
        )[0]
        assert fix["kind"].startswith("quickfix") and fix["isPreferred"]
        if "edit" not in fix:
            fix = client.ask("codeAction/resolve", **fix)
        texts = applied(fix["edit"], {config.as_uri(): client.texts[str(config)]})
        client.change(config, texts[config.as_uri()])
        left = client.ask("textDocument/diagnostic", textDocument=document)["items"]
        assert [each["code"] for each in left] == ["FGL101"] * 4
        registered = {
            each["method"]
            for told in client.told("client/registerCapability")
            for each in told["registrations"]
        }
        assert registered <= {"workspace/didChangeWatchedFiles", "workspace/didChangeConfiguration"}
        assert client.told("textDocument/publishDiagnostics") == []


def test_settings_come_from_the_client_and_from_files(tmp_path: Path) -> None:
    model = copy_model("broken_llama", tmp_path)
    config, table = model / "configuration_broken_llama.py", tmp_path / "forgather-lint.toml"
    with editing(tmp_path, options={"selekt": [], "ignore": ["FGL2"]}) as client:
        client.open(config)
        assert len(client.on(config)) == 5
        (said,) = client.told("window/showMessage")
        assert "unknown setting 'selekt', did you mean 'select'?" in said["message"]
        table.write_text('ignore = ["FGL101"]', "utf-8")
        client.tell("workspace/didChangeConfiguration", settings={"forgather-lint": {}})
        client.wait(lambda: len(client.diagnostics[config.as_uri()][1]) == 0 or None, "nothing")
        table.write_text("ignore = 4", "utf-8")
        change = {"uri": table.as_uri(), "type": 2}
        client.tell("workspace/didChangeWatchedFiles", changes=[change])
        client.wait(lambda: len(client.told("window/showMessage")) == 2 or None, "a message")
        assert "ignore: expected a list" in client.told("window/showMessage")[1]["message"]


def test_files_and_documents_come_and_go(tmp_path: Path) -> None:
    """Two roots; what is closed is no longer told, what is changed elsewhere is read again."""
    one, other = tmp_path / "one", tmp_path / "other"
    good = copy_model("hf_llama", one) / CONFIG
    bad = copy_model("broken_llama", other) / "configuration_broken_llama.py"
    with editing(one, other) as client:
        client.open(good)
        client.open(bad)
        assert client.on(good) == []
        assert len(client.on(bad)) == 5
        client.close(bad)
        client.wait(lambda: client.diagnostics[bad.as_uri()][1] == [] or None, "end of findings")
        values = json.loads((good.parent / "config.json").read_text("utf-8"))
        (good.parent / "config.json").write_text(json.dumps(values | {"head_dim": 0}), "utf-8")
        change = {"uri": (good.parent / "config.json").as_uri(), "type": 2}
        client.tell("workspace/didChangeWatchedFiles", changes=[change])
        code = (good.parent / CODE).as_uri()
        client.wait(
            lambda: any(x["severity"] == 1 for x in client.diagnostics[code][1]) or None, "an error"
        )
        logged = [each["message"] for each in client.told("window/logMessage")]
        assert any("files read" in each for each in logged)
        assert any(each.strip() == f"read {good}" for each in logged)

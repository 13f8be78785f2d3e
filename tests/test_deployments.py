"""What is deployed: the commands of Forgather's guide, and checkpoints of many files."""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from forgather_lint import pipeline
from forgather_lint.core.diagnostics import Severity
from forgather_lint.core.remembered import new_run
from forgather_lint.core.settings import Settings
from forgather_lint.documents.commands.found import serving
from forgather_lint.documents.commands.located import located
from forgather_lint.documents.commands.shell import commands
from forgather_lint.documents.discover import Candidate
from forgather_lint.engines.registry import launches
from forgather_lint.facts.sizes import FAILS, SERVES
from forgather_lint.linting.report import ModelReport
from forgather_lint.session.checking import check_command
from tests.fixture_models import copy_model
from tests.stored_tensors import write

TARGET = ("vllm==0.32", "transformers==5.19")
GUIDE = {
    "one size": "output_models/my_model --tensor-parallel-size 4",
    "stages": "output_models/my_model --tensor-parallel-size 4 --pipeline-parallel-size 2",
    "more options": "output_models/my_model --tensor-parallel-size 4 --pipeline-parallel-size 2"
    " --dtype bfloat16 --max-model-len 8192 --enable-chunked-prefill",
    "a small model": "output_models/llama_7b --tensor-parallel-size 4 --dtype bfloat16"
    " --max-model-len 4096",
    "a large model": "output_models/llama_70b --tensor-parallel-size 4 --pipeline-parallel-size 2"
    " --dtype bfloat16 --max-model-len 8192",
    "nodes": "model_path --tensor-parallel-size 8 --pipeline-parallel-size 4"
    " --distributed-executor-backend ray",
    "a server": "output_models/my_model --tensor-parallel-size 4 --host 0.0.0.0 --port 8000",
}
"""The commands of Forgather's vLLM guide, behind `vllm serve`."""
UNTRUSTED = "FGL704"
TRUST = " --trust-remote-code"


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the models that the guide names, long enough for its commands."""
    root = tmp_path_factory.mktemp("deployed")
    for command in GUIDE.values():
        name = root / command.partition(" ")[0]
        if not name.exists():
            name.parent.mkdir(exist_ok=True)
            copy_model("hf_llama", root, max_position_embeddings=8192).rename(name)
    return root


def told(command: str, root: Path) -> Iterator[ModelReport]:
    """The reports on a command that is given in the folder `root`."""
    path = str(root / "serve.sh")
    (found,) = commands(located(path, f"vllm serve {command}"))
    each = (serving(path, found, launch) for launch in launches())
    started = next(one for one in each if one is not None)
    yield from check_command(started, root, Settings(target=TARGET), None)


@pytest.mark.parametrize("command", GUIDE.values(), ids=GUIDE)
def test_a_command_of_the_guide_lacks_its_trust(command: str, deployed: Path) -> None:
    found = [each for report in told(command, deployed) for each in report.diagnostics]
    wrong = [each.code for each in found if each.severity is not Severity.INFO]
    assert wrong == [UNTRUSTED]


@pytest.mark.parametrize("command", GUIDE.values(), ids=GUIDE)
def test_a_command_of_the_guide_serves_with_it(command: str, deployed: Path) -> None:
    reports = list(told(command + TRUST, deployed))
    found = [each for report in reports for each in report.diagnostics]
    assert [each.code for each in found if each.severity is not Severity.INFO] == []
    sizes = [size for report in reports for each in report.verdicts for size in each.sizes]
    assert [verdict for _, _, verdict in sizes] == [SERVES]


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (GUIDE["one size"].replace("4", "3") + TRUST, "FGL210"),
        (GUIDE["stages"].replace("-size 2", "-size 5") + TRUST, "FGL211"),
        (GUIDE["more options"].replace("8192", "8193") + TRUST, "FGL526"),
        (GUIDE["a server"].replace("--host", "--hostname") + TRUST, "FGL700"),
    ],
)
def test_a_command_of_the_guide_that_is_wrong(command: str, code: str, deployed: Path) -> None:
    found = [each.code for report in told(command, deployed) for each in report.diagnostics]
    assert code in found


def test_an_adapter_for_other_layers_fails_the_command_that_loads_it(deployed: Path) -> None:
    model = "output_models/my_model"
    adapter = deployed / "adapters" / "odd"
    adapter.mkdir(parents=True)
    config = {"peft_type": "LORA", "r": 8, "lora_alpha": 16, "target_modules": ["query"]}
    (adapter / "adapter_config.json").write_text(json.dumps(config), "utf-8")
    tensors = "base_model.model.model.layers.0.query.lora_A.weight F32 [8, 128]"
    write(tensors, adapter / "adapter_model.safetensors")
    loads = " --enable-lora --lora-modules odd=adapters/odd"
    reports = list(told(model + TRUST + loads, deployed))
    found = [each for report in reports for each in report.diagnostics]
    assert [each.code for each in found if each.severity is Severity.ERROR] == ["FGL640"]
    sizes = [size for report in reports for each in report.verdicts for size in each.sizes]
    assert [verdict for _, _, verdict in sizes] == [FAILS]


SHARDS, LAYERS = 400, 80
WIDE = {
    "hidden_size": 16384,
    "head_dim": 2048,
    "intermediate_size": 98304,
    "num_hidden_layers": LAYERS,
}
TERABYTE = 900 * 10**9
READ_AT_MOST = 2**20
"""All that a check may read, in bytes: Python files of the tool, the model, the headers."""


def in_shards(model: Path) -> int:
    """Write the checkpoint in holes of files, with its index; how many bytes it is said to have."""
    lines, index, size = listed(model, "", without_head=False).splitlines(), {}, 0
    for shard in range(SHARDS):
        name = f"model-{shard + 1:05}-of-{SHARDS:05}.safetensors"
        held = lines[shard::SHARDS]
        write("\n".join(held), model / name)
        size += (model / name).stat().st_size
        index.update({line.partition(" ")[0]: name for line in held})
    described = {"metadata": {"total_size": size}, "weight_map": index}
    (model / "model.safetensors.index.json").write_text(json.dumps(described))
    return size


def checked(model: Path) -> tuple[ModelReport, float, int]:
    """The report on a model, the processor's seconds and the bytes that were read for it."""
    new_run()
    read, started = _read(), time.process_time()
    report = pipeline.check_model(Candidate(model), Settings(target=TARGET))
    assert report is not None
    return report, time.process_time() - started, _read() - read


def _read() -> int:
    """All bytes that this process ever read, of whatever."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("rchar"))


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="Linux counts what is read")
def test_of_a_terabyte_the_headers_are_read(tmp_path: Path) -> None:
    """And in less than twice the time that the model takes without its weights."""
    model = copy_model("hf_llama", tmp_path, **WIDE)
    checked(model)  # what is loaded once
    bare = [checked(model) for _ in range(3)]
    assert in_shards(model) > TERABYTE
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_majflt
    held = [checked(model) for _ in range(3)]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_majflt - faults < SHARDS
    assert max(read for _, _, read in held) < READ_AT_MOST
    assert min(spent for _, spent, _ in held) < 2 * min(spent for _, spent, _ in bare)
    first = held[0][0]
    assert [each.code for each in first.diagnostics if each.severity is Severity.ERROR] == []


def test_a_tensor_of_a_terabyte_that_is_no_parameter_is_told(tmp_path: Path) -> None:
    """So that the headers of all its files are seen to be read."""
    model = copy_model("hf_llama", tmp_path, **WIDE)
    in_shards(model)
    last = model / f"model-{SHARDS:05}-of-{SHARDS:05}.safetensors"
    held = listed(model, "", without_head=False).splitlines()[SHARDS - 1 :: SHARDS]
    write("\n".join([*held, "model.odd.weight BF16 [8]"]), last)
    report, _, _ = checked(model)
    assert any("model.odd.weight" in each.message for each in report.diagnostics)


@dataclass(frozen=True)
class Deployment:
    """A folder made of hf_llama and what is said of serving it, as a public report has it."""

    report: str
    command: str
    code: str = ""
    """The finding that tells it; none where it serves."""
    prefix: str = ""
    """What stands before the names of all tensors."""
    without_head: bool = False
    config: Mapping[str, object] = field(default_factory=dict)
    added: Mapping[str, str] = field(default_factory=dict)
    """Files whose text is added, or put before that of a file of the model."""


LEFT_BY_UNSLOTH = {"quant_method": "bitsandbytes", "load_in_4bit": True}
IMPORTS = {
    "backbone.py": "from .missing_helper import helper\n",
    "modeling_hf_llama.py": "from .backbone import helper\n",
}
REPORTED = {
    "the prefix of PEFT": Deployment("vllm#12961", "-tp 2", "FGL624", prefix="base_model.model."),
    "28 heads on 8 ranks": Deployment(
        "vllm#11797", "-tp 8", "FGL210", config={"num_attention_heads": 28}
    ),
    "one head of keys": Deployment("vllm#1640", "-tp 4", config={"num_key_value_heads": 1}),
    "an odd vocabulary": Deployment("vllm#578", "-tp 4", config={"vocab_size": 49954}),
    "tied, and a head": Deployment("vllm#6758", "-tp 2", config={"tie_word_embeddings": True}),
    "not tied, and no head": Deployment("vllm#5621", "-tp 2", "FGL625", without_head=True),
    "the prefix of DeepSpeed": Deployment("vllm#19139", "-tp 2", "FGL624", prefix="module."),
    "an import that was not copied": Deployment(
        "transformers#36653", "-tp 2", "FGL405", added=IMPORTS
    ),
    "memory in percent": Deployment("by hand", "--gpu-memory-utilization 95", "FGL702"),
    "bitsandbytes left after merging": Deployment(
        "by hand", "-tp 1", "FGL591", config={"quantization_config": LEFT_BY_UNSLOTH}
    ),
}
"""Ten deployments whose answers were written down before they were judged; all were equal."""


def listed(model: Path, prefix: str, *, without_head: bool) -> str:
    """The tensors of hf_llama in the sizes of the config of `model`."""
    config = json.loads((model / "config.json").read_text())
    width, inner, vocabulary = (
        config[name] for name in ("hidden_size", "intermediate_size", "vocab_size")
    )
    heads, shared = (
        config[name] * config["head_dim"] for name in ("num_attention_heads", "num_key_value_heads")
    )
    shapes = {
        "self_attn.q_proj": [heads, width],
        "self_attn.k_proj": [shared, width],
        "self_attn.v_proj": [shared, width],
        "self_attn.o_proj": [width, heads],
        "mlp.gate_proj": [inner, width],
        "mlp.up_proj": [inner, width],
        "mlp.down_proj": [width, inner],
        "input_layernorm": [width],
        "post_attention_layernorm": [width],
    }
    named = {
        f"model.layers.{layer}.{name}": shape
        for layer in range(config["num_hidden_layers"])
        for name, shape in shapes.items()
    }
    named |= {"model.embed_tokens": [vocabulary, width], "model.norm": [width]}
    named |= {} if without_head else {"lm_head": [vocabulary, width]}
    return "\n".join(f"{prefix}{name}.weight BF16 {shape}" for name, shape in named.items())


@pytest.mark.parametrize("deployment", REPORTED.values(), ids=REPORTED)
def test_what_was_reported_is_told(deployment: Deployment, tmp_path: Path) -> None:
    model = copy_model("hf_llama", tmp_path, **deployment.config)
    text = listed(model, deployment.prefix, without_head=deployment.without_head)
    write(text, model / "model.safetensors")
    (model / "tokenizer.json").write_text("{}")
    for name, added in deployment.added.items():
        held = (model / name).read_text() if (model / name).exists() else ""
        future = "from __future__ import annotations\n"
        (model / name).write_text(
            held.replace(future, future + added, 1) if future in held else added + held
        )
    reports = list(told(f"hf_llama {deployment.command}{TRUST}", tmp_path))
    found = {
        each.code
        for report in reports
        for each in report.diagnostics
        if each.severity is not Severity.INFO
    }
    assert found == ({deployment.code} if deployment.code else set())
    if not deployment.code:
        sizes = [size for report in reports for each in report.verdicts for size in each.sizes]
        assert [verdict for _, _, verdict in sizes] == [SERVES]

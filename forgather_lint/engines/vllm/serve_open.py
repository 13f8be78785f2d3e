"""What a command says that is not followed, so that it may serve or not.

An option is judged, says what holds without it, or is known to leave the verdict as it is
(`data/serve_effects.toml`); every other one leaves the verdict open.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import cast

from forgather_lint.core.files import is_file, is_folder
from forgather_lint.core.record import record
from forgather_lint.engines.fact import tables
from forgather_lint.engines.names import knows
from forgather_lint.engines.vllm.serve_command import OPTIONS_FILE
from forgather_lint.engines.vllm.serve_conflicts import (
    BACKEND,
    BATCH,
    CHUNKED,
    CONTEXT,
    DATA,
    DATA_LOCAL,
    EXPERTS,
    LENGTH,
    NODE,
    NODES,
    PARSER,
    PIPELINE,
    SEQUENCES,
    TENSOR,
    may_have_experts,
    number_of,
    size_of,
)
from forgather_lint.engines.vllm.serve_options import options_of
from forgather_lint.engines.vllm.target import VllmTarget
from forgather_lint.facts.command import Given, ServeCommand
from forgather_lint.facts.release import Effect

TOPIC = "serve_effects"
IMPLEMENTATIONS = ("auto", "transformers", "vllm")
_PORTS = 65536
_KERNEL_BLOCK = 16
_EXECUTORS = ("mp", "ray", "uni")
_JINJA = "{}\n"
"""What vLLM knows a template by that is no path (`validate_chat_template`)."""


OTHER_TOKENIZER = ("--tokenizer", "--tokenizer-mode", "--hf-overrides", "--skip-tokenizer-init")
"""The options that replace the tokenizer beside the model, or may."""
LEFT_OUT = f"the file of `{OPTIONS_FILE}=...` is not read: `{OPTIONS_FILE}` stands alone before it"


def is_left_out(command: ServeCommand) -> bool:
    """Whether the command names a file of options in a way that the release does not look for."""
    given = command.given.get(OPTIONS_FILE)
    return given is not None and (given.word.text or given.word.beginning) != OPTIONS_FILE


@record
class Deployed:
    """What is known beside the command: the release, the model's folder and its config."""

    command: ServeCommand
    target: VllmTarget
    model: Path
    config: Mapping[str, object]
    bases: Sequence[Path]


@record
class Open:
    """An option (None: the whole command) that leaves the verdict open, and why.

    `alters`: it may make another model of it, so that a failure is no proof either; what does not
    can only add a refusal of its own.
    """

    option: str | None
    reason: str
    alters: bool


def left_open(deployed: Deployed) -> Iterator[Open]:
    """What leaves the verdict on the command open."""
    command = deployed.command
    if not command.complete:
        yield Open(None, "words of the command are not known", True)
    if not any(name in command.given for name in OTHER_TOKENIZER):
        from forgather_lint.deployment.tokenizer import not_downloaded

        if pointer := not_downloaded(deployed.model):
            yield Open(None, f"`{pointer}` was never downloaded", False)
    options, known = options_of(deployed.target.vllm.version), tables(TOPIC)
    adapters = cast("Sequence[str]", known["adapters"]["options"])
    for name, given in command.given.items():
        judged = FOLLOWED.get(name)
        if name in options and options[name].is_default(given):
            continue
        if judged is not None:
            reason = judged(deployed, given)
        elif name in known["positive"]:
            reason = _positive(deployed, given)
        elif _is_aside(given) or (name in adapters and not command.may_be_on("--enable-lora")):
            continue
        else:
            reason = f"what `{name}` does to it is not followed"
        if reason:
            beside = any(name in known[each] for each in ("refusing", "positive"))
            yield Open(name, reason, not (beside or name in _REFUSING))
    for name in command.environment:
        if name.startswith("VLLM_") and name not in known["environment"]:
            yield Open(None, f"what the variable `{name}` does to it is not followed", True)


def _is_aside(given: Given) -> bool:
    values = cast("Mapping[str, Sequence[str]]", tables(TOPIC)["aside"]).get(given.name)
    if values is None:
        return False
    return not values or (given.value is not None and given.value.text in values)


def _judged(_: Deployed, given: Given) -> str:
    """Whoever judges the model or the command asks for it, if its value is known."""
    is_known = given.on is not None and (given.value is None or given.value.text is not None)
    return "" if is_known else f"the value of `{given.name}` is not known"


def _options_file(deployed: Deployed, _: Given) -> str:
    left_out = is_left_out(deployed.command)
    return LEFT_OUT if left_out else f"the file of `{OPTIONS_FILE}` is not on this machine"


def _implementation(_: Deployed, given: Given) -> str:
    said = given.value.text if given.value is not None else None
    known = said in IMPLEMENTATIONS
    return "" if known else f"what `--model-impl {said or '?'}` stands for is not known"


def _overrides(deployed: Deployed, _: Given) -> str:
    from forgather_lint.engines.vllm.serve_overrides import overrides_of

    followed = overrides_of(deployed.command) is not None
    return "" if followed else "what `--hf-overrides` makes of the config is not followed"


def _quantization(deployed: Deployed, _: Given) -> str:
    from forgather_lint.engines.vllm.serve_quantization import changes_nothing

    plain = changes_nothing(deployed.command, deployed.target.vllm, deployed.config)
    return "" if plain else "`--quantization` changes the weights, which is not followed"


def _speculative(_: Deployed, given: Given) -> str:
    return f"`{given.name}` adds a second model, which is not judged"


def _tokenizer(deployed: Deployed, given: Given) -> str:
    """Another folder holds the tokenizer: whether one is there is asked, what it is is not."""
    text = given.value.text if given.value is not None else None
    folders = [base / text for base in deployed.bases] if text else []
    folder = next((each for each in folders if is_folder(each)), None)
    if folder is None:
        return "the tokenizer of `--tokenizer` is not on this machine"
    from forgather_lint.deployment.tokenizer import lacks_tokenizer

    return "`--tokenizer` names a folder without one" if lacks_tokenizer(folder) else ""


def _port(deployed: Deployed, _: Given) -> str:
    port = number_of(deployed.command, "--port")
    known = port is not None and 0 <= port < _PORTS
    return "" if known else "whether a server can listen on `--port` is not known"


def _block(deployed: Deployed, _: Given) -> str:
    size = number_of(deployed.command, "--block-size")
    known = size is not None and size > 0 and size % _KERNEL_BLOCK == 0
    return "" if known else "which kernels take `--block-size` is not known"


def _template(deployed: Deployed, given: Given) -> str:
    """Another form of chats: whether it is there is asked, what it says is not."""
    text = given.value.text if given.value is not None else None
    if text is not None and any(each in text for each in _JINJA):
        return ""
    here = text and any(is_file(base / text) for base in deployed.bases)
    return "" if here else "the file of `--chat-template` is not on this machine"


def _object(_: Deployed, given: Given) -> str:
    """Values that a chat template is handed, as an object."""
    text = given.value.text if given.value is not None else None
    try:
        known = isinstance(json.loads(text or ""), dict)
    except (ValueError, RecursionError):
        known = False
    return "" if known else f"what `{given.name}` without an object does is not followed"


def _texts(_: Deployed, given: Given) -> str:
    """Names of hosts, of methods, of headers: the front end alone reads them."""
    text = given.value.text if given.value is not None else None
    try:
        said = json.loads(text or "")
    except (ValueError, RecursionError):
        said = None
    known = isinstance(said, list) and all(isinstance(each, str) for each in said)
    return "" if known else f"what `{given.name}` without a list does is not followed"


def _tool_parser(deployed: Deployed, given: Given) -> str:
    """Who reads calls of tools from an answer: the answer is there by then."""
    text = given.value.text if given.value is not None else None
    known = text is not None and knows("vllm_tool_parsers", text, deployed.target.vllm.version)
    return "" if known else f"whether the release has the parser of `{given.name}` is not known"


def _cache_type(_: Deployed, given: Given) -> str:
    said = given.value.text if given.value is not None else None
    plain = said in ("auto", "float16", "bfloat16")
    rounds = f"a cache of `{said}` rounds keys and values"
    return "" if plain else f"{rounds}, and the device decides which backend takes it"


def _positive(deployed: Deployed, given: Given) -> str:
    """Numbers that are known and that no release refuses for being too small."""
    number = number_of(deployed.command, given.name)
    known = number is not None and number > 0
    return "" if known else f"what `{given.name}` without a positive number does is not followed"


def _length(deployed: Deployed, given: Given) -> str:
    text = (deployed.command.text(LENGTH) or "").strip().lower()
    return "" if text in ("auto", "-1") else _positive(deployed, given)


def _nodes(deployed: Deployed, given: Given) -> str:
    told = deployed.target.vllm.command.nodes_uneven.value.effect is Effect.ERROR
    return "" if told else f"what `{given.name}` does is not followed for this release"


def _executor(deployed: Deployed, given: Given) -> str:
    said = given.value.text if given.value is not None else None
    ranks = [size_of(deployed.command, name) for name in (TENSOR, PIPELINE)]
    if said == "uni" and ranks != [1, 1]:
        return f"`{BACKEND} uni` is for one rank"
    return "" if said in _EXECUTORS else f"what `{BACKEND} {said}` runs is not known"


def _context(deployed: Deployed, _: Given) -> str:
    one = number_of(deployed.command, CONTEXT) == 1
    return "" if one else f"the cache that `{CONTEXT}` splits is not followed"


def _replicas(deployed: Deployed, _: Given) -> str:
    """Replicas of a model without experts are each what one alone is."""
    if number_of(deployed.command, DATA) == 1:
        return ""
    dense = not may_have_experts(deployed.config, deployed.target.vllm)
    return "" if dense else f"the experts that `{DATA}` deals out are not followed"


def _experts(deployed: Deployed, given: Given) -> str:
    off = given.on is False
    return "" if off else f"the experts that `{EXPERTS}` deals out are not followed"


def _adapters(deployed: Deployed, _: Given) -> str:
    from forgather_lint.deployment.adapters import adapter_at
    from forgather_lint.engines.vllm.serve_beside import adapter_folder, adapter_paths

    paths = list(adapter_paths(deployed.command))
    if not paths or None in paths:
        return "what follows `--lora-modules` is not read"
    for path in paths:
        folder = adapter_folder(path, deployed.bases)
        adapter = adapter_at(folder) if folder is not None else None
        if adapter is None:
            return "an adapter of `--lora-modules` is not on this machine"
        if adapter.stored and adapter.tensors is None:
            return "the tensors of an adapter of `--lora-modules` cannot be read"
    return ""


_REFUSING = (
    "--tokenizer",
    "--chat-template",
    "--default-chat-template-kwargs",
    PARSER,
    "--allowed-headers",
    "--allowed-methods",
    "--allowed-origins",
    "--port",
    "--block-size",
    "--kv-cache-dtype",
    "--lora-modules",
    BATCH,
    SEQUENCES,
    CONTEXT,
    DATA,
    DATA_LOCAL,
    NODES,
    NODE,
    BACKEND,
)
"""Of those below, what may add a refusal and leaves the layers and weights as they are."""
FOLLOWED: Mapping[str, Callable[[Deployed, Given], str]] = {
    "--model": _judged,
    OPTIONS_FILE: _options_file,
    "--trust-remote-code": _judged,
    "--skip-tokenizer-init": _judged,
    "--dtype": _judged,
    "--gpu-memory-utilization": _judged,
    "--kv-cache-memory-bytes": _judged,
    "--num-gpu-blocks-override": _judged,
    "--enable-auto-tool-choice": _judged,
    "--enable-log-outputs": _judged,
    "--enable-lora": _judged,
    "--max-lora-rank": _judged,
    "--max-loras": _judged,
    "--max-cpu-loras": _judged,
    "--model-impl": _implementation,
    "--hf-overrides": _overrides,
    "--quantization": _quantization,
    "--speculative-config": _speculative,
    "--tokenizer": _tokenizer,
    "--chat-template": _template,
    "--default-chat-template-kwargs": _object,
    PARSER: _tool_parser,
    **dict.fromkeys(("--allowed-headers", "--allowed-methods", "--allowed-origins"), _texts),
    "--port": _port,
    "--block-size": _block,
    "--kv-cache-dtype": _cache_type,
    "--lora-modules": _adapters,
    **dict.fromkeys((TENSOR, PIPELINE, CHUNKED), _judged),
    **dict.fromkeys((BATCH, SEQUENCES, DATA_LOCAL), _positive),
    **dict.fromkeys((NODES, NODE), _nodes),
    LENGTH: _length,
    BACKEND: _executor,
    CONTEXT: _context,
    DATA: _replicas,
    EXPERTS: _experts,
}
"""The options whose effect is judged, each with what asks whether it is for the value given."""

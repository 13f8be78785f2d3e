"""What a command requires of files beside the weights: a chat template, adapters."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from forgather_lint.core.files import is_file, is_folder, real_path
from forgather_lint.engines.vllm.profile import VllmProfile
from forgather_lint.engines.vllm.serve_conflicts import number_of
from forgather_lint.engines.vllm.serve_open import OTHER_TOKENIZER
from forgather_lint.engines.vllm.target import VllmTarget
from forgather_lint.facts.command import (
    ChatTemplateMissing,
    CommandWithoutTokenizer,
    OptionsConflict,
    ServeCommand,
)
from forgather_lint.facts.release import Effect

if TYPE_CHECKING:
    from forgather_lint.deployment.adapters import Adapter
    from forgather_lint.engines.vllm.adapter_faults import AdapterFault

ADAPTERS, RANK, TEMPLATE = "--lora-modules", "--max-lora-rank", "--chat-template"
_CHATS = (
    "--enable-auto-tool-choice",
    "--tool-call-parser",
    "--reasoning-parser",
    "--response-role",
    "--chat-template-content-format",
    "--default-chat-template-kwargs",
)
"""Options that matter for chats only."""


def without_template(
    command: ServeCommand, release: VllmProfile, model: Path
) -> Iterator[ChatTemplateMissing]:
    """A command with options for chats, while the tokenizer has no chat template."""
    asked = next((name for name in _CHATS if name in command.given), None)
    other = any(name in command.given for name in (TEMPLATE, *OTHER_TOKENIZER))
    if asked is None or other or not command.complete:
        return
    from forgather_lint.deployment.tokenizer import has_chat_template

    said = release.conversation.template_missing.value
    if has_chat_template(model) is False and said.effect is Effect.ERROR:
        text = said.shown()
        yield ChatTemplateMissing(command.place(asked), asked, str(release), text)


def without_tokenizer(
    command: ServeCommand, target: VllmTarget, model: Path, model_type: object
) -> Iterator[CommandWithoutTokenizer]:
    """A model without a tokenizer that is read; the command does not say where another is."""
    if not command.complete or any(name in command.given for name in OTHER_TOKENIZER):
        return
    from forgather_lint.deployment.tokenizer import MODEL, not_downloaded
    from forgather_lint.engines.vllm.checks.tokenizer import is_missing, words_of_pointer

    pointer = not_downloaded(model)
    if pointer == MODEL:
        return  # not every class reads it
    text = words_of_pointer(model / pointer, target.transformers) if pointer else ""
    if text:
        yield CommandWithoutTokenizer(command.place(), str(target.vllm), text, pointer)
        return
    if is_missing(str(model), model_type, target.transformers):
        text = target.transformers.loading.tokenizer_missing.value.shown()
        yield CommandWithoutTokenizer(command.place(), str(target.vllm), text)


def of_adapters(
    command: ServeCommand, release: VllmProfile, bases: tuple[Path, ...]
) -> Iterator[OptionsConflict]:
    """Adapters to be loaded at the start of a higher rank than allowed, or that are refused."""
    if ADAPTERS not in command.given or not command.complete:
        return
    from forgather_lint.deployment.adapters import CONFIG, adapter_at

    facts = release.checkpoint
    most = number_of(command, RANK) if RANK in command.given else facts.adapter_rank_default.value
    for path in adapter_paths(command):
        holding = (base / path for base in bases if path and is_file(base / path / CONFIG))
        folder = next(holding, None)
        adapter = adapter_at(folder) if folder is not None else None
        if adapter is None:
            continue
        rank = adapter.config.values.get("r")
        if type(rank) is int and most is not None and rank > most:
            said = facts.adapter_rank.value
            yield OptionsConflict(
                where=command.place(RANK, ADAPTERS),
                message=f"the adapter at `{path}` has rank {rank}, above `{RANK} {most}`",
                text=said.shown(rank=rank, most=most),
                release=str(release),
            )
        for fault in _faults(release, adapter):
            said = fault.fact.value
            yield OptionsConflict(
                where=command.place(ADAPTERS),
                message=f"the adapter at `{path}` is refused: {fault.what}",
                text=said.shown(**fault.parts),
                release=str(release),
            )


def adapters_loaded(command: ServeCommand, bases: Sequence[Path]) -> tuple[str, ...]:
    """The folders of adapters that the command loads, as far as they are on this machine."""
    if ADAPTERS not in command.given or not command.complete:
        return ()
    found = (adapter_folder(path, bases) for path in adapter_paths(command))
    return tuple(dict.fromkeys(str(real_path(each)) for each in found if each is not None))


def adapter_folder(path: str | None, bases: Sequence[Path]) -> Path | None:
    """The folder that `--lora-modules` names, if it is on this machine."""
    return next((base / path for base in bases if path and is_folder(base / path)), None)


def _faults(release: VllmProfile, adapter: Adapter) -> Iterator[AdapterFault]:
    """The first thing that the release refuses of the adapter, if any."""
    from forgather_lint.engines.vllm.adapter_faults import faults_of_config, faults_of_tensors

    config = faults_of_config(release.adapters, adapter.config.values)
    every = chain(config, faults_of_tensors(release.adapters, adapter))
    yield from islice((each for each in every if each.fact.value.effect is Effect.ERROR), 1)


def adapter_paths(command: ServeCommand) -> Iterator[str | None]:
    """The folders that follow `--lora-modules`: `name=path`, or JSON; None where it is neither."""
    texts = [word.text for word in command.words]
    options = (text.partition("=")[0].replace("_", "-") if text else "" for text in texts)
    start = next((n for n, name in enumerate(options) if name == ADAPTERS), len(texts))
    inline = (texts[start] or "").partition("=")[2] if start < len(texts) else ""
    for text in [*([inline] if inline else []), *texts[start + 1 :]]:
        if text is not None and text.startswith("--"):
            return
        yield _adapter_path(text)


def _adapter_path(text: str | None) -> str | None:
    if text is None:
        return None
    if not text.startswith("{"):
        _, named, folder = text.partition("=")
        return folder if named and "," not in text else None
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return None
    path = (
        said.get("path") if isinstance(said, dict) and isinstance(said.get("name"), str) else None
    )
    return path if isinstance(path, str) else None

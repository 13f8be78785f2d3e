"""Composite configs, with a text config inside, which vLLM serves as multimodal models."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from forgather_lint.core.files import is_file, read_at_most
from forgather_lint.core.port import port_of
from forgather_lint.core.version import TRANSFORMERS_5
from forgather_lint.documents.config_json import ConfigFile, read_config
from forgather_lint.documents.discover import CONFIG
from forgather_lint.documents.limits import MOST_BYTES
from forgather_lint.documents.python import SourceError
from forgather_lint.engines.common.model_config import TEXT_PARTS, ModelConfig, text_config
from forgather_lint.engines.vllm.checks.checked_model import CheckedModel
from forgather_lint.engines.vllm.checks.phases import Phase, check
from forgather_lint.engines.vllm.server import auto_map
from forgather_lint.facts.causes.config import (
    ProcessorMissing,
    SeveralTextConfigs,
    TextConfigWithoutHeads,
)
from forgather_lint.facts.causes.tokenizer import ProcessorFileMissing
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.model.entry import AUTO_CONFIG
from forgather_lint.python.interpreter.budget import BudgetExceeded
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.values.value import NONE, Unknown, known

PROCESSOR = "AutoProcessor"
_PROCESSOR_FILES = (
    "processor_config.json",
    "preprocessor_config.json",
    "video_preprocessor_config.json",
)
_TOKENIZER_CONFIG = "tokenizer_config.json"
_TOKENIZER_FILES = (_TOKENIZER_CONFIG, "tokenizer.json", "vocab.json", "tokenizer.model")
_TOKENIZERS = {
    True: "transformers.tokenization_utils_tokenizers.TokenizersBackend",
    False: "transformers.tokenization_utils_fast.PreTrainedTokenizerFast",
}
"""The class of a tokenizer that names none, by whether transformers is 5 or newer."""


def is_composite(seen: CheckedModel) -> bool:
    """Whether the text config is not the config itself."""
    return seen.settings.config is not seen.config


@check(Phase.CONFIG)
def text_part(seen: CheckedModel) -> Iterator[ServingProblem]:
    """A text config that is ambiguous, or has no attention heads.

    Source: vllm/transformers_utils/config.py, `get_hf_text_config`.
    """
    machine, where = seen.builder.machine, seen.cls.where
    try:
        text = text_config(machine, seen.config, where)
    except BudgetExceeded:
        return
    except Raised as error:
        whole = ModelConfig(machine, seen.config, where)
        names = [name for name in TEXT_PARTS if whole.setting(name) not in (None, NONE)]
        if error.kind == "ValueError" and len(names) > 1:
            fact = seen.target.transformers.config.several_text_configs
            place = seen.place_of_setting(names[0])
            cause = SeveralTextConfigs(tuple(names))
            yield from seen.problem(cause, fact, place, parts={"names": names})
        return
    if text is seen.config or text is None or isinstance(text, Unknown):
        return
    if ModelConfig(machine, text, where).setting("num_attention_heads") is None:
        name = next((name for name in TEXT_PARTS if _is_part(seen, name, text)), "text_config")
        file = seen.builder.config_file
        place = file.place(name) if file is not None and name in file.values else where
        fact = seen.target.vllm.config.text_heads_missing
        yield from seen.problem(TextConfigWithoutHeads(name), fact, place)


def _is_part(seen: CheckedModel, name: str, text: object) -> bool:
    return ModelConfig(seen.builder.machine, seen.config, seen.cls.where).setting(name) is text


@port_of("transformers/models/auto/processing_auto.py", "AutoProcessor.from_pretrained")
@check(Phase.ACCEPT)
def processor(seen: CheckedModel) -> Iterator[ServingProblem]:
    """A composite config without a processor, for which a tokenizer is loaded instead.

    `AutoProcessor.from_pretrained` ends with AutoTokenizer; a folder without a tokenizer may get
    both later.
    """
    file = seen.builder.config_file
    if file is None or not is_composite(seen) or names_processor(seen) is not False:
        return
    fact = seen.target.vllm.config.processor_type
    found = _TOKENIZERS[seen.target.transformers.version >= TRANSFORMERS_5]
    where = next((file.place(name) for name in TEXT_PARTS if name in file.values), file.place())
    parts = {"found": f"<class '{found}'>"}
    yield from seen.problem(ProcessorMissing(), fact, where, parts=parts)


@check(Phase.ACCEPT)
def processor_file(seen: CheckedModel) -> Iterator[ServingProblem]:
    """A processor class in a file of the folder that does not exist."""
    if seen.builder.config_file is None or not seen.model.folder or not is_composite(seen):
        return
    for name in (*_PROCESSOR_FILES[:2], _TOKENIZER_CONFIG, CONFIG):
        said = _read(Path(seen.model.folder) / name)
        entry = auto_map(said.values).get(PROCESSOR) if said is not None else None
        if said is None or not isinstance(entry, str):
            continue
        module, _, title = entry.rpartition(".")
        if module and "--" not in entry and not seen.model.has_file(f"{module}.py"):
            fact = seen.target.transformers.loading.tokenizer_file_missing
            parts = {"folder": seen.model.folder, "file": f"{module}.py"}
            cause = ProcessorFileMissing(f"{module}.py", title)
            yield from seen.problem(cause, fact, said.place("auto_map"), parts=parts)
        return


def _read(path: Path) -> ConfigFile | None:
    try:
        return read_config(path) if is_file(path) else None
    except SourceError:
        return None


def names_processor(seen: CheckedModel) -> bool | None:
    """Whether the folder names its processor; None when the folder may be incomplete."""
    model, values = seen.model, seen.builder.config_values
    if any(map(model.has_file, _PROCESSOR_FILES)) or "processor_class" in values:
        return True
    if PROCESSOR in auto_map(values) or AUTO_CONFIG not in auto_map(values):
        return True  # transformers has processors for its own types
    if seen.setting("processor_class") not in (None, known(None)):
        return True
    if model.has_file(_TOKENIZER_CONFIG):
        return _says_processor(Path(model.folder) / _TOKENIZER_CONFIG)
    return False if any(map(model.has_file, _TOKENIZER_FILES)) else None


def _says_processor(file: Path) -> bool | None:
    try:
        said = json.loads(read_at_most(file, MOST_BYTES).decode("utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(said, dict):
        return None
    return "processor_class" in said or PROCESSOR in auto_map(said)

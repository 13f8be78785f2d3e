"""The tokenizer beside the model, which the engine loads before the model is built."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from forgather_lint.core.port import port_of
from forgather_lint.documents.config_json import ConfigFile, read_config
from forgather_lint.documents.python import SourceError
from forgather_lint.engines.vllm.checks.checked_model import CheckedModel
from forgather_lint.engines.vllm.checks.phases import Phase, check
from forgather_lint.facts.causes.tokenizer import TokenizerClassUnknown, TokenizerFileMissing
from forgather_lint.facts.serving import ServingProblem

CONFIG, AUTO = "tokenizer_config.json", "AutoTokenizer"


@port_of("transformers/models/auto/tokenization_auto.py", "AutoTokenizer.from_pretrained")
@check(Phase.LOAD)
def not_loaded(seen: CheckedModel) -> Iterator[ServingProblem]:
    """A class of the folder whose file is not there, or one that the release does not know."""
    if not seen.model.has_file(CONFIG):
        return
    try:
        config = read_config(Path(seen.model.folder) / CONFIG)
    except SourceError:
        return
    reference = _reference(config)
    if reference is None:
        yield from _class_unknown(seen, config)
        return
    module, _, name = reference.rpartition(".")
    file = f"{module}.py"
    if not module or "--" in reference or seen.model.has_file(file):
        return
    fact = seen.target.transformers.loading.tokenizer_file_missing
    parts = {"folder": seen.model.folder, "file": file}
    cause = TokenizerFileMissing(file, name)
    yield from seen.problem(cause, fact, config.place("auto_map"), parts=parts)


def _reference(config: ConfigFile) -> str | None:
    """The class that is loaded: of a pair the fast one, if there is one."""
    said = config.values.get("auto_map")
    entry = said.get(AUTO) if isinstance(said, dict) else said
    if isinstance(entry, list):
        entry = next((each for each in reversed(entry[:2]) if each is not None), None)
    return entry if isinstance(entry, str) else None


def _class_unknown(seen: CheckedModel, config: ConfigFile) -> Iterator[ServingProblem]:
    loading, name = seen.target.transformers.loading, config.values.get("tokenizer_class")
    if isinstance(name, str) and name in loading.tokenizer_classes_of_later.value:
        fact, where = loading.tokenizer_class_unknown, config.place("tokenizer_class")
        yield from seen.problem(TokenizerClassUnknown(name), fact, where, parts={"name": name})

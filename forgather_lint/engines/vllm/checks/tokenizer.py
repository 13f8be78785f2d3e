"""The tokenizer beside the model, which the engine loads before the model is built."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from forgather_lint.core.files import WEIGHTS, listed
from forgather_lint.core.port import port_of
from forgather_lint.core.source import file_start
from forgather_lint.documents.config_json import ConfigFile, read_config
from forgather_lint.documents.python import SourceError
from forgather_lint.engines.fact import Effect
from forgather_lint.engines.transformers.profile import TransformersProfile
from forgather_lint.engines.vllm.checks.checked_model import CheckedModel
from forgather_lint.engines.vllm.checks.phases import Phase, check
from forgather_lint.facts.causes.checkpoint import FileNotDownloaded
from forgather_lint.facts.causes.tokenizer import (
    EndsDiffer,
    TokenizerClassUnknown,
    TokenizerFileMissing,
    TokenizerMissing,
)
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.libraries.transformers.config import plain
from forgather_lint.python.values.value import Known

_ENDS = "eos_token_id"
CONFIG, AUTO = "tokenizer_config.json", "AutoTokenizer"


@port_of("transformers/models/auto/tokenization_auto.py", "AutoTokenizer.from_pretrained")
@check(Phase.LOAD)
def not_loaded(seen: CheckedModel) -> Iterator[ServingProblem]:
    """A tokenizer class whose file does not exist, or one that the release does not have."""
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


@check(Phase.LOAD)
def missing(seen: CheckedModel) -> Iterator[ServingProblem]:
    """No file of a tokenizer beside weights; a server may still be told of one elsewhere."""
    kind = seen.setting("model_type")
    name = kind.value if isinstance(kind, Known) else None
    if not is_missing(seen.model.folder, name, seen.target.transformers):
        return
    said = seen.target.transformers.loading.tokenizer_missing.value
    assert seen.model.config is not None
    where = file_start(seen.model.config.path)
    yield ServingProblem(TokenizerMissing(), "", where, str(seen.target), said.shown(), None)


@check(Phase.LOAD)
def not_downloaded(seen: CheckedModel) -> Iterator[ServingProblem]:
    """A file of the tokenizer that is a pointer; a server may still be told of one elsewhere."""
    if not seen.model.folder:
        return
    from forgather_lint.deployment import tokenizer

    folder = Path(seen.model.folder)
    if name := tokenizer.not_downloaded(folder):
        said = words_of_pointer(folder / name, seen.target.transformers)
        where = file_start(str(folder / name))
        yield ServingProblem(FileNotDownloaded(name), "", where, str(seen.target), said, None)


def words_of_pointer(file: Path, release: TransformersProfile) -> str:
    """The error of the release where `file` is a pointer; empty where it is not known."""
    from forgather_lint.deployment.tokenizer import MODEL

    loading = release.loading
    fact = loading.tokenizer_model_unread if file.name == MODEL else loading.tokenizer_not_json
    return fact.value.shown(file=file) if fact.value.effect is Effect.ERROR else ""


def is_missing(folder: str, model_type: object, release: TransformersProfile) -> bool:
    """Whether the release finds no tokenizer in `folder`, which holds weights."""
    fact = release.loading.tokenizer_missing.value
    if not folder or fact.effect is not Effect.ERROR or not isinstance(model_type, str):
        return False
    from forgather_lint.deployment.tokenizer import lacks_tokenizer

    weights = any(listed(Path(folder), f"*{end}") for end in WEIGHTS)
    return weights and not release.has_model_type(model_type) and lacks_tokenizer(Path(folder))


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


@port_of("vllm/sampling_params.py", "SamplingParams.update_from_generation_config")
@check(Phase.WEIGHTS)
def ends(seen: CheckedModel) -> Iterator[ServingProblem]:
    """Ids of the end of an answer that differ between files.

    The engine stops at that of the tokenizer, and at those of generation_config.json or, without
    that file, of the config.
    """
    if not seen.model.folder or not seen.model.has_file(CONFIG):
        return
    from forgather_lint.deployment.tokenizer import GENERATION, end_token, file_at, ids_of

    folder = Path(seen.model.folder)
    tokens, generation = file_at(folder, CONFIG), file_at(folder, GENERATION)
    end = end_token(folder, tokens) if tokens is not None else None
    value = seen.setting(_ENDS)
    ours = ids_of(plain(value)) if value is not None else None
    said = generation.values.get(_ENDS) if generation is not None else None
    theirs = ids_of(said) if said is not None else ()
    stops = theirs if generation is not None else ours
    fact = seen.target.vllm.conversation.other_ends
    if tokens is None or end is None or stops is None:
        return
    taken = tuple(sorted({*stops, end[1]}))
    if generation is not None and ours is not None and not {*ours} <= {*taken}:
        cause = EndsDiffer(taken, ours, "config.json")
        there = [_ENDS] if _ENDS in generation.values else []
        yield from seen.problem(cause, fact, generation.place(*there))
    elif end[1] not in stops:
        cause = EndsDiffer(stops, end[1:], CONFIG, end[0])
        yield from seen.problem(cause, fact, tokens.place("eos_token"))

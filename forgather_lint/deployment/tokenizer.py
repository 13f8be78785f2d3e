"""What the files of a tokenizer say: which token ends an answer, and how a chat is formatted."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from forgather_lint.core.files import is_file, listed, read_at_most
from forgather_lint.core.git_lfs import is_pointer
from forgather_lint.documents.config_json import ConfigFile, read_config
from forgather_lint.documents.python import SourceError

CONFIG, TOKENS, GENERATION = "tokenizer_config.json", "tokenizer.json", "generation_config.json"
MODEL = "tokenizer.model"
_TEMPLATES = ("chat_template.jinja", "chat_template.json")
_PARTS_OF_NAMES = ("token", "vocab", "merges", "spiece", "sentencepiece", "tekken", ".model")
"""What all names have that classes of transformers look for (`vocab_files_names`)."""
_WITHOUT_VOCABULARY = (CONFIG, "special_tokens_map.json")
_OF_ANY = "PreTrainedTokenizerFast"
"""The class that is nothing without tokenizer.json; others may begin with an empty vocabulary."""
_LIST = re.compile(r'\[(?:[^][{}"]|\{(?:[^][{}"]|"(?:[^"\\]|\\.)*")*\})*\]')
_HEAD = 1 << 18
"""How much of tokenizer.json is read, in bytes: the added tokens come before the vocabulary."""


def file_at(folder: Path, name: str) -> ConfigFile | None:
    """The JSON file `name` of the folder; None where it is absent or cannot be read."""
    try:
        return read_config(folder / name) if is_file(folder / name) else None
    except SourceError:
        return None


def lacks_tokenizer(folder: Path) -> bool:
    """Whether no file is there that may hold the vocabulary of a tokenizer, which needs one."""
    if any(
        part in path.name and path.name not in _WITHOUT_VOCABULARY
        for path in listed(folder, "*")
        for part in _PARTS_OF_NAMES
    ):
        return False
    config = file_at(folder, CONFIG)
    if config is None:
        return not is_file(folder / CONFIG)
    return config.values.get("tokenizer_class") == _OF_ANY and "auto_map" not in config.values


def not_downloaded(folder: Path) -> str:
    """The first file of the tokenizer that is a pointer of Git LFS; empty if none is.

    A model of sentencepiece is read where there is no tokenizer.json.
    """
    model = () if is_file(folder / TOKENS) else (MODEL,)
    pointers = (name for name in (CONFIG, TOKENS, *model) if is_pointer(folder / name))
    return next(pointers, "")


def end_token(folder: Path, config: ConfigFile) -> tuple[str, int] | None:
    """The token that ends a text for the tokenizer, and its id; None where that is not known."""
    said = config.values.get("eos_token")
    text = said.get("content") if isinstance(said, dict) else said
    if not isinstance(text, str):
        return None
    listed = config.values.get("added_tokens_decoder")
    for number, entry in listed.items() if isinstance(listed, dict) else ():
        if isinstance(entry, dict) and entry.get("content") == text and number.isdecimal():
            return text, int(number)
    found = _added(folder).get(text)
    return (text, found) if found is not None else None


def _added(folder: Path) -> Mapping[str, int]:
    """The ids of the tokens that tokenizer.json adds to its vocabulary, by their text."""
    try:
        head = read_at_most(folder / TOKENS, _HEAD).decode("utf-8", "replace")
    except OSError:
        return {}
    found: dict[str, int] = {}
    for each in _flat_list(head.partition('"added_tokens":')[2].lstrip()):
        text, number = each.get("content"), each.get("id")
        if isinstance(text, str) and isinstance(number, int):
            found[text] = number
    return found


def _flat_list(text: str) -> Sequence[dict[str, object]]:
    """The objects in the list at the start of `text`; empty if one of them contains another."""
    end = _LIST.match(text)
    if end is None:
        return ()
    try:
        listed = json.loads(end[0])
    except ValueError:
        return ()
    return [each for each in listed if isinstance(each, dict)]


def ids_of(value: object) -> tuple[int, ...] | None:
    """`eos_token_id` as it is written, one number or several, as a tuple.

    None where it is neither.
    """
    given = value if isinstance(value, list) else [value]
    numbers = tuple(each for each in given if type(each) is int)
    return numbers if given and len(numbers) == len(given) else None


def has_chat_template(folder: Path) -> bool | None:
    """Whether there is a chat template.

    None where the tokenizer is not here, or that is not known.
    """
    config = file_at(folder, CONFIG)
    if any(is_file(folder / name) for name in _TEMPLATES):
        return True
    if config is None or not is_file(folder / TOKENS) or "auto_map" in config.values:
        return None
    return bool(config.values.get("chat_template"))

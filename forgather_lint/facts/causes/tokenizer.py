"""What is wrong with the tokenizer beside a model."""

from __future__ import annotations

from forgather_lint.core.record import record
from forgather_lint.facts.cause import Cause


@record
class TokenizerFileMissing(Cause):
    """`auto_map` of tokenizer_config.json names the class `name` in `file`, which is not there."""

    file: str
    name: str


@record
class TokenizerClassUnknown(Cause):
    """tokenizer_config.json names a class `name` that this release of transformers lacks."""

    name: str


@record
class TokenizerMissing(Cause):
    """Weights lie in the folder, and no file of a tokenizer."""


@record
class EndsDiffer(Cause):
    """Files differ in the token that ends an answer: the engine takes `taken`, `file` has `other`.

    `token` is the text of the tokenizer's own end token.
    """

    taken: tuple[int, ...]
    other: tuple[int, ...]
    file: str
    token: str = ""


@record
class ProcessorFileMissing(Cause):
    """`auto_map` names the class `name` of a processor in `file`, which is not there."""

    file: str
    name: str

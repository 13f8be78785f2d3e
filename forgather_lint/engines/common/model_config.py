"""What an engine reads from the config of a model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Self

from forgather_lint.core.port import port_of
from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.documents.config_json import ConfigFile
from forgather_lint.libraries.transformers.rope import COMPLETED, NEW_NAME, OLD_NAME
from forgather_lint.python.interpreter.budget import BudgetExceeded
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import NONE, Arguments, DictValue, Known, Value

TEXT_PARTS = ("text_encoder", "decoder", "generator", "text_config")
"""The attributes in which a composite config has its text config (`get_text_config`)."""


@port_of("vllm/transformers_utils/config.py", "get_hf_text_config")
def text_config(machine: Machine, config: Value | None, where: Place) -> Value | None:
    """The config that the engine reads sizes from: the result of `get_text_config`.

    None without a config. Raises `Raised` where that raises.
    """
    if not isinstance(config, Instance):
        return config
    found = machine.call(machine.attribute(config, "get_text_config", where), Arguments(), where)
    parts = any(name in config.attributes for name in TEXT_PARTS)
    return found if parts or isinstance(found, Instance) else config


@record
class ModelConfig:
    """The config object of a model, as set up by its own class; None when it has none.

    `whole` is the config of which `config` is the text config, or the same; `file` is config.json.
    """

    machine: Machine
    config: Value | None
    where: Place
    file: ConfigFile | None = None
    whole: Value | None = None

    @classmethod
    def of_text(
        cls, machine: Machine, config: Value | None, where: Place, file: ConfigFile | None = None
    ) -> Self:
        """The text config of `config`, or `config` itself where there is none."""
        try:
            text = text_config(machine, config, where)
        except (Raised, BudgetExceeded):
            text = config
        return cls(machine, text, where, file, config)

    def setting(self, name: str) -> Value | None:
        """`config.name`; None when the config has no such attribute."""
        if self.config is None:
            return None
        if isinstance(self.config, Instance) and name in (OLD_NAME, NEW_NAME):
            filled_in = self.config.attributes.get(COMPLETED)
            if filled_in is not None:
                return filled_in
        try:
            return self.machine.attribute(self.config, name, self.where)
        except Raised:
            return None

    @property
    def is_rope_scaled(self) -> bool:
        """Whether the rotary parameters may be other than those without any scaling."""
        said = self.setting(OLD_NAME)
        if said is None or said == NONE:
            return False
        kind = said.items.get("rope_type") if isinstance(said, DictValue) else None
        return kind != Known("default")

    def lacks(self, name: str) -> bool:
        """Whether reading `config.name` surely raises an `AttributeError`."""
        if not isinstance(self.config, Instance):
            return False
        try:
            self.machine.attribute(self.config, name, self.where)
        except Raised as error:
            return error.kind == "AttributeError" and error.doubt is None
        return False

    def number(self, name: str) -> int | None:
        """`config.name` when it is an integer, else None."""
        return integer(self.setting(name))

    def place_of(self, names: Sequence[str]) -> Place:
        """The place at which config.json, or else its class, sets the first of `names`."""
        if self.file is not None:
            for keys, said in self._said(self.file.values):
                for name in names:
                    if name in said:
                        return self.file.place(*keys, name)
        for config in (self.config, self.whole):
            places = config.places if isinstance(config, Instance) else {}
            for name in names:
                if name in places:
                    return places[name]
        return self.where

    def _said(
        self, values: Mapping[str, object]
    ) -> Iterator[tuple[tuple[str, ...], Mapping[str, object]]]:
        """The objects of config.json that may contain a setting, the nearest first."""
        if isinstance(self.whole, Instance) and self.whole is not self.config:
            for name, part in self.whole.attributes.items():
                held = values.get(name)
                if part is self.config and isinstance(held, dict):
                    yield (name,), held
        yield (), values

    @property
    def tied(self) -> bool:
        """Whether the head shares the weights of the embedding."""
        parts = (self, ModelConfig(self.machine, self.whole, self.where))
        said = (each.setting("tie_word_embeddings") for each in parts)
        return any(isinstance(each, Known) and bool(each.value) for each in said)


def integer(value: Value | None) -> int | None:
    """The integer that `value` is; None where it is no integer or not known."""
    found = value.value if isinstance(value, Known) else None
    return found if isinstance(found, int) and not isinstance(found, bool) else None

"""Code that others write and Forgather's does not contain: each case once gave a false finding."""

from __future__ import annotations

import json
import textwrap
from typing import Any

import pytest

from forgather_lint.documents.config_json import parse_config
from forgather_lint.documents.model_input import ModelInput
from forgather_lint.documents.sources import Sources
from forgather_lint.facts import NotBuilt, Structure
from forgather_lint.model.analysis import Built, build_tree, builder_of
from forgather_lint.python.values.value import Unknown

CONFIG = """
from transformers import PretrainedConfig

class MConfig(PretrainedConfig):
    model_type = "m"
    attribute_map = {"num_hidden_layers": "n_layer", "hidden_size": "n_embd"}

    def __init__(self, n_layer=2, n_embd=8, **kwargs):
        self.n_layer = n_layer
        self.n_embd = n_embd
        super().__init__(**kwargs)
"""

MODEL = """
from torch import nn
from transformers import PreTrainedModel

from .configuration_m import MConfig

{before}

class MForCausalLM(PreTrainedModel):
    config_class = MConfig

    def __init__(self, config):
        super().__init__(config)
        {body}

{after}
"""


def build(body: str, before: str = "", after: str = "", **config: Any) -> Built | NotBuilt:
    """A model whose constructor has `body`."""
    body = textwrap.indent(textwrap.dedent(body), " " * 8).strip()
    before, after = textwrap.dedent(before), textwrap.dedent(after)
    texts = {
        "configuration_m": CONFIG,
        "modeling_m": MODEL.format(before=before, body=body, after=after),
    }
    auto_map = {
        "AutoConfig": "configuration_m.MConfig",
        "AutoModelForCausalLM": "modeling_m.MForCausalLM",
    }
    values = {"architectures": ["MForCausalLM"], "auto_map": auto_map} | config
    file = parse_config("config.json", json.dumps(values))
    return build_tree(builder_of(ModelInput("m", Sources({}, texts), file)))


def built(body: str, before: str = "", after: str = "", **config: Any) -> Structure | NotBuilt:
    """The tree of that model."""
    found = build(body, before, after, **config)
    return found.structure if isinstance(found, Built) else found


def structure(body: str, before: str = "", after: str = "", **config: Any) -> Structure:
    found = built(body, before, after, **config)
    assert isinstance(found, Structure), found
    assert found.unknowns == ()
    return found


LINEAR = "self.up = nn.Linear({}, 4)"


def width(found: Structure) -> int | None:
    module = found.module("up")
    return module.sizes.get("in_features") if module is not None else None


def test_a_mapped_name_goes_before_what_the_base_config_has() -> None:
    assert width(structure(LINEAR.format("config.num_hidden_layers"), n_layer=3)) == 3


def test_class_methods_of_library_bases_are_called_on_classes() -> None:
    after = """
    MConfig.register_for_auto_class()
    MForCausalLM.register_for_auto_class("AutoModelForCausalLM")
    """
    assert width(structure(LINEAR.format("config.n_embd"), after=after)) == 8


def test_a_package_that_is_not_installed_leaves_open_what_is_made_of_it() -> None:
    before = "from no_such_package import Norm, act"
    body = "self.norm = Norm(8)\nself.up = nn.Linear(config.n_embd, 4)"
    found = built(body, before)
    assert isinstance(found, Structure)
    assert [unknown.reason for unknown in found.unknowns] == ["not-installed: no_such_package"]
    assert width(found) == 8


def test_a_handler_that_only_complains_is_not_what_serves() -> None:
    before = """
    try:
        import no_such_package.kernels
    except ImportError:
        raise ImportError("pip install no_such_package")
    """
    assert width(structure(LINEAR.format("config.n_embd"), before)) == 8


def test_a_handler_with_a_replacement_is_taken() -> None:
    before = """
    try:
        from no_such_package import SIZE
    except ImportError:
        SIZE = 5
    """
    assert width(structure(LINEAR.format("SIZE"), before)) == 5


def test_three_thousand_classes_deep_is_searched_in_time() -> None:
    chain = "\n".join(f"class C{i + 1}(C{i}): pass" for i in range(3000))
    before = f"class C0:\n    size = 5\n{chain}"
    assert width(structure(LINEAR.format("C3000().size"), before)) == 5


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("[0] * 10**9", "many-items"),
        ("__file__", "file-path"),
        ("self.post_init.__name__", "method-name"),
    ],
)
def test_what_is_left_undecided_has_its_reason_and_place(expression: str, reason: str) -> None:
    found = build(f"self.size = {expression}")
    assert isinstance(found, Built)
    size = found.root.attributes["size"]
    assert isinstance(size, Unknown)
    assert size.reason == reason
    assert size.where is not None
    assert size.where.span.start.row == 14


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("sizes = {'a': 4}\nsizes |= {'b': 5, **os.environ}", "sizes['c']"),
        ("sizes = {'a': 4}\nsizes.update(os.environ)", "sizes['c']"),
        ("self.__dict__.update(os.environ)", "self.width"),
        ("self.__dict__.update({'a': 4, **os.environ})", "self.width"),
        ("setattr(self if len(os.environ) else self, os.getcwd(), 4)", "self.width"),
    ],
)
def test_what_may_have_been_written_is_not_missing(written: str, read: str) -> None:
    """None of them is an error, since the unknown part may hold the name."""
    found = build(f"{written}\nself.up = nn.Linear({read}, 4)", before="import os")
    assert isinstance(found, Built), found
    assert width(found.structure) is None


def test_of_two_objects_perhaps_written_to_neither_surely_was() -> None:
    body = """
    self.first, self.second = nn.Module(), nn.Module()
    self.first.size = self.second.size = 8
    (self.first if len(os.environ) > 9 else self.second).size = 4
    self.up = nn.Linear(self.first.size, 4)
    """
    found = build(body, before="import os")
    assert isinstance(found, Built)
    assert width(found.structure) is None


@pytest.mark.parametrize(
    ("before", "expression", "expected"),
    [
        ("class E(Enum):\n    A = 4", "E.A.value", 4),
        ("class E(str, Enum):\n    A = 'four'", "len(E.A.value)", 4),
        ("class E(Enum):\n    A = 4", "E['A'].value", 4),
        ("class E(Enum):\n    A = 4", "len(E.A.name)", 1),
    ],
)
def test_members_of_enumerations(before: str, expression: str, expected: int | None) -> None:
    found = build(LINEAR.format(expression), f"from enum import Enum\n{before}")
    assert isinstance(found, Built), found
    assert width(found.structure) == expected


@pytest.mark.parametrize(
    ("module", "error"),
    [
        (
            "Linear(4 / 2, 4)",
            "TypeError: empty(): argument 'size' failed to unpack the object at pos 2 with error "
            '"type must be tuple of ints,but got float"',
        ),
        (
            "Embedding(4 / 2, 4)",
            "TypeError: empty(): argument 'size' (position 1) must be tuple of ints, but found "
            "element of type float at pos 0",
        ),
        (
            "Linear(4, -1)",
            "RuntimeError: Trying to create tensor with negative dimension -1: [-1, 4]",
        ),
        ("GroupNorm(3, 4)", "ValueError: num_channels (4) must be divisible by num_groups (3)"),
        (
            "Dropout(1.5)",
            "ValueError: dropout probability has to be between 0 and 1, but got 1.5",
        ),
    ],
)
def test_modules_refuse_as_torch_does(module: str, error: str) -> None:
    found = build(f"self.refused = nn.{module}")
    assert isinstance(found, NotBuilt)
    assert found.message == error


def test_a_base_class_is_told_of_its_subclasses() -> None:
    before = """
    class Base:
        def __init_subclass__(cls, size=1, **options):
            super().__init_subclass__(**options)
            cls.size = size

    class Wide(Base, size=4):
        pass

    class Wider(Wide):
        size = 5
    """
    assert width(structure(LINEAR.format("Wide.size"), before)) == 4
    assert width(structure(LINEAR.format("Wider.size"), before)) == 1


def test_a_metaclass_may_add_attributes() -> None:
    before = """
    class Meta(type):
        def __new__(metaclass, name, bases, namespace):
            return super().__new__(metaclass, name, bases, {**namespace, "size": 4})

    class Sized(metaclass=Meta):
        pass
    """
    found = build(LINEAR.format("Sized.size"), before)
    assert isinstance(found, Built), found
    assert width(found.structure) is None


def test_what_leaves_a_context_may_be_suppressed_by_it() -> None:
    before = """
    class Tolerant:
        def __enter__(self): return self
        def __exit__(self, kind, error, trace): return kind is KeyError
    """
    body = """
    with Tolerant():
        {}["x"]
    self.up = nn.Linear(8, 4)
    """
    assert width(structure(body, before)) == 8

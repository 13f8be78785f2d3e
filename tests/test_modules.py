"""Which modules and names libraries have (`engines/modules.py`), and what models import of them."""

from __future__ import annotations

import importlib
import sys
import tomllib
import warnings
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import pytest

from forgather_lint.core.version import Version
from forgather_lint.engines.modules import STANDARD, Libraries, module_named
from tests.llama_ways import Way, outcome_of, write_llama

WAYS = tomllib.loads(
    (Path(__file__).parent.parent / "fixtures" / "torch" / "imports.toml").read_text("utf-8")
)
V5 = Libraries.of(Version(5, 19), "2.13.0")
V4 = Libraries.of(Version(4, 57, 6), "2.9.0")


def judged(way: Mapping[str, str], folder: Path) -> tuple[str, str]:
    places = ("top", "built", "layer")
    model = write_llama(Way(**{place: way.get(place, "") for place in places}), folder)
    outcome = outcome_of(model)
    return outcome.verdict, outcome.reason


@pytest.mark.parametrize("way", WAYS["refused"], ids=lambda way: way["name"])
def test_what_is_not_there_fails_with_that_text(way: Mapping[str, str], tmp_path: Path) -> None:
    assert judged(way, tmp_path) == ("fails", way["text"])


@pytest.mark.parametrize("way", WAYS["served"], ids=lambda way: way["name"])
def test_what_is_there_serves(way: Mapping[str, str], tmp_path: Path) -> None:
    assert judged(way, tmp_path) == ("serves", "")


@pytest.mark.parametrize("way", WAYS["undecided"], ids=lambda way: way["name"])
def test_what_cannot_be_told_is_no_error(way: Mapping[str, str], tmp_path: Path) -> None:
    assert judged(way, tmp_path)[0] == "unknown"


def test_names_that_come_and_go() -> None:
    cache = "transformers.cache_utils", "SlidingWindowCache"
    there = [
        Libraries.of(Version.parse(text), "").absent_name(*cache) is None
        for text in ("4.57.6", "5.5.0", "5.5.1")
    ]
    assert there == [True, False, True]
    missing = V5.absent_name("transformers.utils", "LossKwargs")
    assert missing is not None
    assert missing.instead == "transformers.utils.TransformersKwargs"
    assert missing.error == "ImportError: cannot import name 'LossKwargs' from 'transformers.utils'"


@pytest.mark.parametrize(
    ("module", "name", "near"),
    [
        ("transformers.utils", "is_torch_avaliable", "is_torch_available"),
        ("transformers", "LLamaModel", "LlamaModel"),
        ("torch.nn", "Liner", "Linear"),
        ("typing", "Optionnal", "Optional"),
        ("torch.nn", "Nothing_at_all_like_it", ""),
    ],
)
def test_a_name_that_is_written_alike_is_told(module: str, name: str, near: str) -> None:
    missing = V5.absent_name(module, name)
    assert missing is not None
    assert missing.near == near


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("torch.nn.functionals", "No module named 'torch.nn.functionals'"),
        ("torch.nnn.functional", "No module named 'torch.nnn'"),
        (
            "torch.nn.functional.silu",
            "No module named 'torch.nn.functional.silu'; 'torch.nn.functional' is not a package",
        ),
        ("collections.abcd", "No module named 'collections.abcd'"),
        ("os.path", ""),
        ("torch._inductor.no_such", ""),
        ("torch.backends.cuda", ""),
        ("transformers.models.llama.tokenization_llama_fast", ""),
        ("transformers.tokenization_utils", ""),
        ("no_such_package", ""),
    ],
)
def test_modules(name: str, error: str) -> None:
    assert V5.module_error(name).partition(": ")[2] == error


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("torch._C", "no_such_name"),
        ("torch", "_no_such_private_name"),
        ("torch", "relu_"),
        ("torch.backends.cudnn", "no_such_flag"),
        ("torch.utils.data", "__no_such_name__"),
        ("transformers", "NoSuchTokenizerFast"),
        ("transformers.modeling_utils", "torch"),
        ("transformers.models.llama", "modeling_llama"),
    ],
)
def test_nothing_is_said_of_what_is_computed(module: str, name: str) -> None:
    assert V5.import_error(module, name) == ""


def test_a_name_is_asked_of_the_release_of_its_library() -> None:
    assert V5.import_error("torch.nn", "linear_cross_entropy") == ""
    older = V4.absent_name("torch.nn", "linear_cross_entropy")
    assert older is not None
    assert older.releases == ">=2.13.0"


def test_a_release_that_was_not_read_lacks_what_none_has() -> None:
    unknown = Libraries.of(Version(5, 19), "")
    assert unknown.import_error("torch.nn", "linear_cross_entropy") == ""
    assert unknown.import_error("torch.nn", "Liner")
    newer = Libraries.of(Version(6, 0), "3.0.0")
    assert not newer.import_error("torch.nn", "Liner")
    assert not newer.import_error("transformers", "NoSuchThing")
    older = Libraries.of(Version(4, 40), "1.13.1")
    assert not older.import_error("transformers", "NoSuchThing")


def test_an_attribute_of_a_module_that_shares_its_name_is_not_judged() -> None:
    """The interpreter calls `transformers.generation.utils` the same."""
    assert V5.attribute_error("transformers.utils", "NoSuchThing") == ""
    assert V5.attribute_error("torch.nn.utils", "_pair") == ""
    lazy = V5.attribute_error("transformers", "NoSuchThing")
    assert lazy == "AttributeError: module transformers has no attribute NoSuchThing"
    plain = V5.attribute_error("torch.nn", "NoSuch")
    assert plain == "AttributeError: module 'torch.nn' has no attribute 'NoSuch'"


_COMMON = (
    "torch torch.nn torch.nn.functional torch.nn.init torch.nn.utils torch.nn.attention "
    "torch.utils.checkpoint torch.distributed torch.cuda torch.backends torch.linalg "
    "transformers transformers.utils transformers.modeling_utils transformers.cache_utils "
    "transformers.models transformers.models.llama transformers.models.llama.modeling_llama "
    "transformers.generation transformers.integrations transformers.modeling_rope_utils"
).split()


@pytest.mark.parametrize("name", _COMMON)
def test_every_name_that_a_module_has_is_told(name: str) -> None:
    pytest.importorskip(name.partition(".")[0])
    release = Version.parse(version(name.partition(".")[0]))
    _holds_all(name, release)


@pytest.mark.parametrize("name", sorted(sys.stdlib_module_names))
def test_every_name_of_the_standard_library_is_told(name: str) -> None:
    if module_named(name) is not None:
        _holds_all(name, Version(0, 0))


def _holds_all(name: str, release: Version) -> None:
    told = module_named(name)
    assert told is not None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            module = importlib.import_module(name)
        except ImportError:
            pytest.skip(f"{name} is not of this platform")
    names = [each for each in dir(module) if each.isidentifier() and not each.endswith("__")]
    assert [each for each in names if not told.may_have(each, release)] == []


def test_tables_are_told_apart() -> None:
    assert STANDARD == "python"
    assert module_named("no_such_module") is None

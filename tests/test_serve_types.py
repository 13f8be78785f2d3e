"""What `tools/serve_types.py` reads in a release, and that its file is what the tool writes."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from forgather_lint.core.version import Version
from forgather_lint.engines.fact import DATA
from forgather_lint.engines.names import admits
from forgather_lint.engines.releases import known
from forgather_lint.engines.vllm import serve_types
from forgather_lint.engines.vllm.serve_types import Becomes, RefusedField
from tools.serve_types import PREAMBLE, Read, Typed, read_release, text_of
from tools.serve_types import Becomes as Written
from tools.upstream import Upstream

UTILS = """
from pydantic.dataclasses import dataclass
from pydantic import ConfigDict

def config(cls=None, *, config=None, **kwargs):
    merged = ConfigDict(extra='forbid')
    return dataclass(cls, config=merged, **kwargs)
"""
CACHE = """
from dataclasses import InitVar, field
from typing import ClassVar, Literal
from pydantic import ConfigDict, Field, field_validator, model_validator
from vllm.config.utils import config

Policy = Literal["fcfs", "priority"]

@config
class Inner:
    depth: int = 1

@config
class SwapConfig:
    space: float = Field(default=4, ge=0)
    policy: Policy | None = None
    inner: Inner = field(default_factory=Inner)
    given: InitVar[int] = 3
    shared: ClassVar[int] = 0
    made: int = field(default=0, init=False)
    anything: Unheard = None
    needed: str

@config(config=ConfigDict(extra="ignore"))
class LaxConfig:
    size: int = 1

@config
class RewrittenConfig:
    size: int = 1

    @model_validator(mode="before")
    def _rewritten(cls, data):
        return data
"""
ARGUMENTS = """
from vllm.config.cache import LaxConfig, RewrittenConfig, SwapConfig

class EngineArgs:
    swap_config: SwapConfig = get_field(VllmConfig, "swap_config")
    lax_config: LaxConfig = None
    rewritten_config: RewrittenConfig = None
    swap_space: float = 4
    changed: float = 4
    watermark_config: dict = None

    @staticmethod
    def add_cli_args(parser):
        engine_kwargs = get_kwargs(EngineArgs)
        group = parser.add_argument_group(title="VllmConfig")
        group.add_argument("--swap-config", **engine_kwargs["swap_config"])
        group.add_argument("--lax-config", **engine_kwargs["lax_config"])
        group.add_argument("--rewritten-config", **engine_kwargs["rewritten_config"])
        group.add_argument("--swap-space", **engine_kwargs["swap_space"])
        return parser

    def create_engine_config(self):
        if self.fast:
            found = SwapConfig(space=self.other)
        self.changed = 2
        return SwapConfig(space=self.swap_space, policy=self.changed)

class AsyncEngineArgs(EngineArgs):
    pass
"""
WATERMARK = """
from vllm.config.utils import config

@config
class WatermarkConfig:
    key: int = 0
"""
SOURCES = {
    "vllm/config/utils.py": UTILS,
    "vllm/config/cache.py": CACHE,
    "vllm/config/watermarking.py": WATERMARK,
    "vllm/engine/arg_utils.py": ARGUMENTS,
    "vllm-0.32.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: vllm\nVersion: 0.32.0\n",
}


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """What the tool reads of a small release."""
    for name, text in SOURCES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    release = Upstream.open(tmp_path, "vllm")
    assert release is not None
    return read_release(release)


def test_fields_are_those_that_a_class_is_made_with(read: Read) -> None:
    """Class variables and fields that only the class sets are none; nothing is left out."""
    assert read.records["SwapConfig"] == {
        "space": Typed(("float ge=0",), required=False),
        "policy": Typed(('literal ["fcfs", "priority"]', "null"), required=False),
        "inner": Typed(("record Inner",), required=False),
        "given": Typed((), required=False),
        "anything": Typed((), required=False),
        "needed": Typed(("str",), required=True),
    }


def test_classes_that_refuse_other_fields(read: Read) -> None:
    """Neither one that says otherwise nor one whose validator sees the whole object before."""
    assert read.forbidding == {"SwapConfig", "Inner", "WatermarkConfig"}
    assert "RewrittenConfig" not in read.records


def test_what_options_become(read: Read) -> None:
    """A call below a branch and an argument that is assigned to prove nothing."""
    assert read.given == {
        "--swap-config": Written("SwapConfig", ""),
        "--lax-config": Written("LaxConfig", ""),
        "--rewritten-config": Written("RewrittenConfig", ""),
        "--swap-space": Written("SwapConfig", "space"),
        "--watermark-config": Written("WatermarkConfig", "", later=True),
    }


def test_the_lines_of_a_release(read: Read) -> None:
    text = text_of({Version.parse("0.32.0"): read})
    assert '"--swap-space" = [{ releases = ">=0.32.0,<0.33.0", record = "SwapConfig"' in text
    assert 'Inner = ">=0.32.0,<0.33.0"' in text.partition("[forbids]")[2].partition("\n\n")[0]
    assert 'given = [{ releases = ">=0.32.0,<0.33.0" }]' in text
    assert _told(text, Version.parse("0.32.0")) == read


def _told(text: str, release: Version) -> Read:
    """What the lines of the file say of a release: the tool, turned round."""
    tables = tomllib.loads(text)
    given, forbids = tables.pop("given"), tables.pop("forbids")
    found = Read()
    found.forbidding |= {name for name, ranges in forbids.items() if admits(ranges, release)}
    for option, rows in given.items():
        for row in _of(rows, release):
            later = row.get("later", False)
            found.given[option] = Written(row["record"], row["field"], row.get("when", ""), later)
    for record, fields in tables.items():
        said = {
            name: Typed(tuple(row.get("kinds", ())), row.get("required", False))
            for name, rows in fields.items()
            for row in _of(rows, release)
        }
        if said:
            found.records[record] = said
    return found


def _of(rows: list[dict[str, Any]], release: Version) -> Iterator[dict[str, Any]]:
    return (row for row in rows if admits(row["releases"], release))


def test_the_file_is_what_the_tool_writes_of_what_it_says() -> None:
    """Every release read back from the file: nothing was added, changed or left out by hand."""
    text = (DATA / "serve_types.toml").read_text("utf-8")
    first = re.search(r'"--dtype" = \[\{ releases = ">=([\d.]+)', text)
    assert first is not None
    releases = [each for each in known("vllm") if each >= Version.parse(first[1])]
    assert PREAMBLE + text_of({each: _told(text, each) for each in releases}) == text


NEWEST = Version.parse("0.32.0")


@pytest.mark.parametrize(
    ("option", "value", "refused"),
    [
        ("--compilation-config", {"mode": 3}, None),
        ("--compilation-config", {"level_of_mode": 3}, ("level_of_mode", "CompilationConfig")),
        # Its own field, which it sets itself.
        (
            "--compilation-config",
            {"compilation_time": 1.0},
            ("compilation_time", "CompilationConfig"),
        ),
        (
            "--kernel-config",
            {"ir_op_priority": {"odd": []}},
            ("ir_op_priority.odd", "IrOpPriorityConfig"),
        ),
        ("--watermark-config", {"odd": 1}, ("odd", "WatermarkConfig")),
        ("--speculative-config", {"odd": 1}, ("odd", "SpeculativeConfig")),
        ("--pooler-config", {"odd": 1}, None),
    ],
)
def test_fields_that_a_class_has_not(
    option: str, value: object, refused: tuple[str, str] | None
) -> None:
    becomes = serve_types.becomes(option, NEWEST)
    assert isinstance(becomes, Becomes)
    found = [each for each in serve_types.refused(becomes, value, NEWEST) if each.lacked_by]
    said = "Unexpected keyword argument"
    assert found == ([RefusedField(refused[0], said, refused[1])] if refused else [])

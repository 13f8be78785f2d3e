"""A new engine: its folder, data and tests; it leaves all models undecided until it is written."""

from __future__ import annotations

import click

from forgather_lint.core.version import Requirement, Version
from forgather_lint.engines.registry import projects
from tools.new.writing import ENGINE, ROOT, Refused, checked_name, in_order, then, write

FILES = {
    "__init__.py": '"""{title}: what its releases do with a model."""\n',
    "engine.py": '''"""{title}, as `registry.py` finds it."""

from __future__ import annotations

from forgather_lint.core.version import Version
from forgather_lint.engines.api import ServingEngine
from forgather_lint.engines.{name}.profile import {cls}Profile
from forgather_lint.engines.{name}.target import {cls}Target
from forgather_lint.engines.transformers.profile import TransformersProfile


class {cls}(ServingEngine):
    """Releases of {title}; what their verdicts rest on is said wherever one is printed."""

    name = "{name}"
    title = "{title}"
    packages = ("{name}",)
    profile = {cls}Profile
    evidence = "read from source, not run"

    def target(self, version: Version, transformers: TransformersProfile) -> {cls}Target:
        return {cls}Target(self.release(version), {cls}Profile(version), transformers)


ENGINE = {cls}()
''',
    "profile.py": '''"""What {title} does: one record for each file in `data/{name}`."""

# Annotations are read at run time, to check the data against them.

from functools import cached_property

from forgather_lint.core.record import record
from forgather_lint.core.version import Version
from forgather_lint.engines.fact import Fact, topic


@record
class {cls}Loading:
    """`loading.toml`: who serves an architecture."""

    own_models: Fact[tuple[str, ...]]


@record(slots=False)
class {cls}Profile:
    """A release, known or not; what it does is what the newest profile up to it says."""

    version: Version

    @cached_property
    def loading(self) -> {cls}Loading:
        return topic({cls}Loading, "{name}/loading", self.version)

    def __str__(self) -> str:
        return f"{name}=={{self.version}}"
''',
    "target.py": '''"""A release of {title} beside a release of transformers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from forgather_lint.core.settings import ModelImpl
from forgather_lint.documents.model_input import ModelInput
from forgather_lint.engines.common.target import ReleaseBeside
from forgather_lint.engines.{name}.profile import {cls}Profile
from forgather_lint.engines.transformers.plan import LIBRARY
from forgather_lint.execution.engine import Engine
from forgather_lint.python.interpreter.environment import Environment

if TYPE_CHECKING:
    from forgather_lint.engines.api import AnyPreparedModel


class {cls}Target(ReleaseBeside[{cls}Profile]):
    """What such a release does with a model (`engines/api.py` says what each answer means)."""

    @property
    def flow(self) -> Engine:
        return LIBRARY  # it replaces nothing yet

    def served_elsewhere(self, model: ModelInput, impl: ModelImpl) -> AnyPreparedModel | None:
        return None

    def own_model(self, config: Mapping[str, object], impl: ModelImpl) -> str:
        from forgather_lint.engines.{name}.checks import own_model

        return own_model(config, self, impl)

    def prepare(
        self,
        model: ModelInput,
        dtype: str,
        *,
        as_written: bool = False,
        environment: Environment | None = None,
    ) -> AnyPreparedModel:
        from forgather_lint.engines.{name}.checks import prepare

        return prepare(model, self)

    def checked(
        self, model: ModelInput, dtype: str, impl: ModelImpl, max_model_len: int | None
    ) -> AnyPreparedModel:
        return self.prepare(model, dtype)
''',
    "checks.py": '''"""What {title} makes of a model, as far as that is known."""

from __future__ import annotations

from collections.abc import Mapping

from forgather_lint.core.settings import ModelImpl
from forgather_lint.core.source import file_start
from forgather_lint.documents.model_input import ModelInput
from forgather_lint.engines.api import AnyPreparedModel, PreparedModel
from forgather_lint.engines.{name}.target import {cls}Target
from forgather_lint.execution.outcome import undecided


def own_model(config: Mapping[str, object], target: {cls}Target, impl: ModelImpl) -> str:
    """The model of the engine's own that serves such a config; empty: none does."""
    given = config.get("architectures")
    named = given if isinstance(given, list) else []
    own = target.profile.loading.own_models.value
    serving = next((name for name in named if name in own), "")
    return serving if impl is not ModelImpl.TRANSFORMERS else ""


def prepare(model: ModelInput, target: {cls}Target) -> AnyPreparedModel:
    """The model as the engine builds it: nothing is known of that yet, and nothing is claimed."""
    unknown = undecided("engine-not-described", file_start(model.path))
    return PreparedModel(target, None, own=unknown)
''',
}

LOADING = """\
# Who serves an architecture, as {title} decides it.

[own_models."{version}"]
is = []
source = "{name}/registry.py::MODELS"
"""

RELEASES = """\
# The release that the profile was read from, and what it demands of transformers (METADATA).

versions = ["{version}"]

[requires]
"{version}" = "{requires}"
"""

TESTS = '''"""{title}: what it says of a model, and what it does not claim."""

from __future__ import annotations

import json

from click.testing import CliRunner

from forgather_lint.shell.cli import cli
from tests.fixture_models import MODELS


def test_a_model_is_undecided_at_every_size() -> None:
    asked = ["--target", "{name}=={version}", "--output-format", "json"]
    done = CliRunner().invoke(cli, ["matrix", str(MODELS / "hf_llama"), *asked])
    assert {{row["verdict"] for row in json.loads(done.stdout)}} == {{"unknown"}}
'''


@click.command("engine")
@click.argument("name")
@click.argument("version")
@click.option("--title", required=True, help="What people call it.")
@click.option("--requires", required=True, help="What it requires of transformers: '==5.19.0'.")
def command(name: str, version: str, title: str, requires: str) -> None:
    """The engine NAME, as pip calls it, from the release VERSION on."""
    checked_name(name, "[a-z][a-z0-9_]*", "sglang")
    if name in projects():
        raise Refused(f"'{name}' is known")
    words = {
        "name": name,
        "title": title,
        "cls": "".join(part.capitalize() for part in name.split("_")),
        "version": str(Version.parse(version)),
        "requires": str(Requirement.parse(requires)),
    }
    folder = ENGINE / "engines" / name
    data = ENGINE / "engines" / "data"
    tests = ROOT / "tests" / f"test_{name}.py"
    files = {folder / file: text.format(**words) for file, text in FILES.items()}
    write(
        files
        | {
            data / name / "loading.toml": LOADING.format(**words),
            data / "releases" / f"{name}.toml": RELEASES.format(**words),
            tests: TESTS.format(**words),
        }
    )
    in_order(*files, tests)
    then(
        [
            f"write what the source of {title} says into data/{name}, each fact with its place",
            "let target.py answer from it, piece by piece; engines/sglang is a whole example",
            f"what it alone says: facts/causes/{name}.py, rules/{name} and fixtures/rules/{name}",
            f"python -m pytest tests/test_house.py tests/test_targets.py tests/test_{name}.py",
        ]
    )

"""What every test finds around it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from forgather_lint.python.interpreter import guard


@pytest.fixture(autouse=True, scope="session")
def faults_are_failures() -> None:
    """An operation of the interpreter that raises by mistake fails the test."""
    guard.show_faults()


@pytest.fixture(autouse=True, scope="session")
def no_answers_of_other_runs() -> Iterator[None]:
    """Whoever tests the cache asks for one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORGATHER_LINT_NO_CACHE", "1")
        yield


@pytest.fixture(autouse=True, scope="session")
def kept_releases() -> Iterator[None]:
    """The releases in `fixtures/releases` are kept, whatever the cache of the user holds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORGATHER_LINT_CACHE_DIR", str(Path(__file__).parent.parent / "fixtures"))
        yield

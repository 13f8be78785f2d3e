"""Fixtures that apply to every test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from forgather_lint.python.interpreter import guard


@pytest.fixture(autouse=True, scope="session")
def faults_are_failures() -> None:
    """A bug in an operation of the interpreter fails the test."""
    guard.show_faults()


@pytest.fixture(autouse=True, scope="session")
def no_answers_of_other_runs() -> Iterator[None]:
    """No answers are kept; tests of the cache switch it on."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORGATHER_LINT_NO_CACHE", "1")
        yield


@pytest.fixture(autouse=True, scope="session")
def kept_releases() -> Iterator[None]:
    """The releases in `fixtures/releases` are kept, whatever is in the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORGATHER_LINT_CACHE_DIR", str(Path(__file__).parent.parent / "fixtures"))
        yield

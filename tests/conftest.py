"""What every test finds around it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True, scope="session")
def kept_releases() -> Iterator[None]:
    """The releases in `fixtures/releases` are kept, whatever the cache of the user holds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORGATHER_LINT_CACHE_DIR", str(Path(__file__).parent.parent / "fixtures"))
        yield

"""What the server says of texts as they are typed is what `check` says of them.

The long run is `python -m tests.random_edits`.
"""

from __future__ import annotations

from pathlib import Path

from tests.random_edits import run


def test_the_server_says_what_a_cold_check_says(tmp_path: Path) -> None:
    assert run(tmp_path, count=60, seed=4) > 4

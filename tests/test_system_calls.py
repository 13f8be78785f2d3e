"""What the tool asks of the operating system, seen by strace."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from tests.fixture_models import MODELS, model_directories
from tools.system_calls import judged, watch

MODEL = MODELS / "hf_llama"


def test_what_must_not_be_done_is_told() -> None:
    lines = [
        f'1 execve("{sys.executable}", ["python"], 0x1) = 0',
        '1 openat(AT_FDCWD, "/etc/shadow", O_RDONLY|O_CLOEXEC) = 3',
        '1 openat(AT_FDCWD, "/etc/nothing", O_RDONLY|O_CLOEXEC) = -1 ENOENT (No such file)',
        f'1 openat(AT_FDCWD, "{MODEL}/config.json", O_RDONLY|O_CLOEXEC) = 3',
        f'1 openat(AT_FDCWD, "{MODEL}/x", O_WRONLY|O_CREAT|O_CLOEXEC, 0666) = 3',
        "1 clone(child_stack=NULL, flags=CLONE_CHILD_SETTID|SIGCHLD) = 2",
        "1 clone3({flags=CLONE_VM|CLONE_FS|CLONE_THREAD, exit_signal=0}, 88) = 3",
        '2 execve("/usr/bin/uname", ["uname"], 0x1) = 0',
        "2 socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) = 4",
        '2 unlink("/tmp/a") = 0',
        '2 rename("/kept/answers/a", "/tmp/b") = 0',
        '2 rename("/kept/answers/a", "/kept/answers/b") = 0',
        '1 openat(AT_FDCWD, "/kept/answers/a", O_RDWR|O_CREAT|O_EXCL, 0600) = 3',
    ]
    seen = judged(lines, MODEL, Path("/kept"))
    assert seen.started == 1
    assert [each.partition("(")[0] for each in seen.wrong] == [
        "opens /etc/shadow",
        f"opens to write: {MODEL}/x",
        "execve",
        "socket",
        "unlink",
        "rename",
    ]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
@pytest.mark.parametrize("model", model_directories(), ids=lambda path: str(path.name))
def test_nothing_but_the_model_is_touched(model: Path) -> None:
    seen = watch(model)
    assert seen.wrong == []
    assert str(model / "config.json") in seen.opened
    assert seen.started <= 1

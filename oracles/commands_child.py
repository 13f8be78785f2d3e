"""Reads commands as `vllm serve` does, in a fork each: `PYTHON_WITH_VLLM commands_child.py IN OUT`.

Run by the Python that has vLLM; imports nothing of this repository.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

_SECONDS = 60


def main() -> None:
    """Import vLLM, then answer each command in a fork."""
    commands = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    import vllm.entrypoints.cli.serve  # noqa: F401

    with Path(sys.argv[2]).open("w", encoding="utf-8") as out:
        for words in commands:
            reading, writing = os.pipe()
            child = os.fork()
            if child == 0:
                os.close(reading)
                _answer(words, writing)
            os.close(writing)
            with os.fdopen(reading, encoding="utf-8") as stream:
                said = stream.read()
            os.waitpid(child, 0)
            out.write((said or json.dumps({"phase": "died"})) + "\n")
            out.flush()


def _answer(words: list[str], writing: int) -> None:
    import signal

    signal.alarm(_SECONDS)
    phase, said = "parse", {}
    errors = io.StringIO()
    try:
        with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
            args = _parsed(words)
            phase = "serve"
            _served(args)
            phase = "config"
            _configured(args)
    except SystemExit:
        said = {"phase": phase, "error": _told(errors.getvalue())}
    except BaseException as error:  # noqa: BLE001 - whatever is raised is the answer
        text = " ".join(str(error).split())
        said = {"phase": phase, "error": f"{type(error).__name__}: {text}"[:300]}
        said["raised in"] = _raised_in(error)
    os.write(writing, json.dumps(said).encode())
    os._exit(0)


def _told(printed: str) -> str:
    """What argparse says: all behind its usage, which may be several lines of pydantic's."""
    _, marked, text = printed.rpartition(": error: ")
    return " ".join(f"vllm serve: error: {text}".split())[:300] if marked else printed.strip()[:300]


def _raised_in(error: BaseException) -> str:
    """The last file of vLLM that the error went through."""
    found, frame = "", error.__traceback__
    while frame is not None:
        name = frame.tb_frame.f_code.co_filename
        if "/vllm/" in name:
            found = name.partition("/site-packages/")[2]
        frame = frame.tb_next
    return found


def _parsed(words: list[str]) -> Any:
    from vllm.entrypoints.cli.serve import ServeSubcommand
    from vllm.utils.argparse_utils import FlexibleArgumentParser

    parser = FlexibleArgumentParser(prog="vllm")
    subparsers = parser.add_subparsers(dest="subparser")
    command = ServeSubcommand()
    command.subparser_init(subparsers)
    args = parser.parse_args(["serve", *words])
    command.validate(args)
    return args


def _served(args: Any) -> None:
    """All that the command does before it starts anything."""
    from vllm.entrypoints.cli import serve

    untyped: Any = serve
    for name in ("run_headless", "run_multi_api_server", "run_dp_supervisor"):
        setattr(untyped, name, lambda *_: None)
    untyped.uvloop.run = lambda coroutine: coroutine.close() if coroutine is not None else None
    serve.ServeSubcommand.cmd(args)


def _configured(args: Any) -> None:
    from vllm import AsyncEngineArgs
    from vllm.usage.usage_lib import UsageContext

    engine = AsyncEngineArgs.from_cli_args(args)
    engine.create_engine_config(usage_context=UsageContext.OPENAI_API_SERVER)


if __name__ == "__main__":
    main()

"""Starts `vllm serve` on loopback, asks it for a completion and a chat answer, and stops it.

The requests go through the `openai` client, as in vLLM's documentation.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forgather_lint.probes.children.reporting import Reporter
else:
    from reporting import Reporter  # beside this script, wherever it runs

HOST = "127.0.0.1"
_POLL_SECONDS = 0.5
_SPECIAL_TOKENS = ["<unk>", "<s>", "</s>"]
_CHAT_TEMPLATE = "{% for message in messages %}{{ message['content'] }}\n{% endfor %}"


class ServerEnded(RuntimeError):
    """The server ended before it answered."""


def free_port() -> int:
    """A port of loopback that is not in use."""
    with socket.socket() as found:
        found.bind((HOST, 0))
        port: int = found.getsockname()[1]
        return port


def make_tokenizer(folder: Path, vocabulary: int | None) -> Path:
    """Write a tokenizer of single bytes, at most `vocabulary` tokens, for a model without one."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = [*_SPECIAL_TOKENS, *letters][:vocabulary]
    inner = Tokenizer(
        models.WordLevel({token: number for number, token in enumerate(tokens)}, "<unk>")
    )
    inner.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.ByteLevel(add_prefix_space=False), pre_tokenizers.Split("", "isolated")]
    )
    inner.decoder = decoders.ByteLevel()
    untyped: Any = PreTrainedTokenizerFast
    made = untyped(tokenizer_object=inner, unk_token="<unk>", bos_token="<s>", eos_token="</s>")
    made.chat_template = _CHAT_TEMPLATE
    made.save_pretrained(folder)
    return folder


def wait_until_healthy(server: subprocess.Popen[bytes], port: int) -> None:
    """Return once `/health` answers. Raises `ServerEnded`; only the caller limits the time."""
    while server.poll() is None:
        try:
            with urllib.request.urlopen(f"http://{HOST}:{port}/health", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(_POLL_SECONDS)
    raise ServerEnded(f"the server ended with exit code {server.returncode}")


def ask(port: int, reporter: Reporter, new_tokens: int) -> None:
    """Send one completion and one chat request, and report the answers."""
    from openai import OpenAI

    client = OpenAI(base_url=f"http://{HOST}:{port}/v1", api_key="unused")
    name = client.models.list().data[0].id
    reporter.phase("completion")
    completion = client.completions.create(model=name, prompt="Hello", max_tokens=new_tokens)
    reporter.say(completion=completion.choices[0].text)
    reporter.phase("chat")
    chat = client.chat.completions.create(
        model=name, messages=[{"role": "user", "content": "Hello"}], max_tokens=new_tokens
    )
    reporter.say(chat=chat.choices[0].message.content)


def main() -> None:
    """Serve, wait, ask. The server is in this script's process group, which the parent ends."""
    reporter = Reporter()
    values = reporter.values
    reporter.phase("import")
    command = [sys.executable, *values["command"]]
    if values["tokenizer"] is not None:
        made = make_tokenizer(Path(values["tokenizer"]), values["vocabulary"])
        command += ["--tokenizer", str(made)]
    port = free_port()
    reporter.phase("load")
    server = subprocess.Popen([*command, "--host", HOST, "--port", str(port)])
    try:
        wait_until_healthy(server, port)
        ask(port, reporter, values["new_tokens"])
        reporter.phase("done")
    finally:
        server.terminate()


if __name__ == "__main__":
    main()

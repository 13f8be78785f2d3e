"""A client of the language server: JSON-RPC over the streams of a process."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).parent.parent
SECONDS = 240.0

Message = dict[str, Any]
Diagnostics = list[Message]


class LanguageClient:
    """One server, and the messages it has sent; documents are named by their paths."""

    def __init__(self, *, arguments: tuple[str, ...] = (), cwd: Path | None = None) -> None:
        environment = dict(os.environ, PYTHONPATH=str(ROOT))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "forgather_lint", "server", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            cwd=cwd or ROOT,
        )
        self.diagnostics: dict[str, tuple[int | None, Diagnostics]] = {}
        self.messages: list[Message] = []
        self._answers: dict[int, Message] = {}
        self.capabilities: Message = {}
        self.answers_to: dict[str, Callable[[Message], object]] = {}
        self.versions: dict[str, int] = {}
        self.texts: dict[str, str] = {}
        self._came: queue.Queue[Message | None] = queue.Queue()
        self._number = 0
        threading.Thread(target=self._read, daemon=True).start()

    def start(
        self,
        *roots: Path,
        options: Mapping[str, object] | None = None,
        capabilities: Mapping[str, object] | None = None,
    ) -> Message:
        """Initialize; returns the capabilities of the server."""
        folders = [{"uri": root.as_uri(), "name": root.name} for root in roots]
        came = self.ask(
            "initialize",
            processId=os.getpid(),
            rootUri=folders[0]["uri"] if folders else None,
            workspaceFolders=folders or None,
            initializationOptions=options,
            capabilities=capabilities or {},
        )
        self.tell("initialized")
        return dict(came["capabilities"])

    def open(self, path: Path, text: str | None = None, language: str = "python") -> None:
        """Open a document, with `text` if it differs from the disk."""
        if text is None:
            text = path.read_text("utf-8")
        self.versions[str(path)], self.texts[str(path)] = 1, text
        document = {"uri": path.as_uri(), "languageId": language, "version": 1, "text": text}
        self.tell("textDocument/didOpen", textDocument=document)

    def change(self, path: Path, text: str, *changes: Message) -> int:
        """Set the text of a document.

        `changes` describe the change, if not the whole text is sent.
        """
        self.versions[str(path)] += 1
        self.texts[str(path)] = text
        document = {"uri": path.as_uri(), "version": self.versions[str(path)]}
        self.tell(
            "textDocument/didChange",
            textDocument=document,
            contentChanges=list(changes) or [{"text": text}],
        )
        return self.versions[str(path)]

    def close(self, path: Path) -> None:
        """Close a document."""
        del self.versions[str(path)], self.texts[str(path)]
        self.tell("textDocument/didClose", textDocument={"uri": path.as_uri()})

    def tell(self, method: str, **given: object) -> None:
        """Send a notification."""
        self._send({"method": method, "params": given})

    def ask(self, method: str, **given: object) -> Any:
        """Send a request and wait for its result."""
        self._number += 1
        number = self._number
        self._send({"id": number, "method": method, "params": given})
        answer = self.wait(lambda: self._answers.pop(number, None), method)
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']}")
        return answer.get("result")

    def on(self, path: Path, version: int | None = None) -> Diagnostics:
        """Wait for the diagnostics of a document: of that version, else of its last."""
        wanted = version or self.versions.get(str(path))

        def known() -> tuple[Diagnostics] | None:
            found = self.diagnostics.get(path.as_uri())
            return (found[1],) if found and found[0] == wanted else None

        (found,) = self.wait(known, f"diagnostics of {path.name} {wanted}")
        return list(found)

    def wait(self, condition: Callable[[], Any], what: str, seconds: float = SECONDS) -> Any:
        """Read messages until `condition()` is true, and return its value."""
        deadline = time.monotonic() + seconds
        while (value := condition()) is None:
            left = deadline - time.monotonic()
            try:
                message = self._came.get(timeout=max(0.0, left))
            except queue.Empty:
                raise AssertionError(f"no {what} within {seconds:g} seconds") from None
            if message is None:
                raise AssertionError(f"the server ended: {self.process.wait()}")
            self._take(message)
        return value

    def pause(self, seconds: float) -> None:
        """Read messages for so many seconds."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                message = self._came.get(timeout=left)
            except queue.Empty:
                return
            if message is not None:
                self._take(message)

    def told(self, method: str) -> list[Message]:
        """The messages that the server has sent with that method."""
        return [each["params"] for each in self.messages if each.get("method") == method]

    def end(self) -> int:
        """Shut the server down; returns its exit code."""
        self.ask("shutdown")
        self.tell("exit")
        return self.process.wait(10)

    def kill(self) -> None:
        """Kill the server."""
        self.process.kill()
        self.process.wait()

    def _take(self, message: Message) -> None:
        self.messages.append(message)
        method = message.get("method")
        if method == "textDocument/publishDiagnostics":
            params = message["params"]
            self.diagnostics[params["uri"]] = params.get("version"), params["diagnostics"]
        elif method and "id" in message:
            known = self.answers_to.get(method)
            answer = known(message["params"]) if known else None
            self._send({"id": message["id"], "result": answer})
        elif "id" in message:
            self._answers[message["id"]] = message

    def _send(self, message: Message) -> None:
        data = json.dumps({"jsonrpc": "2.0", **message}).encode()
        stream = self.process.stdin
        assert stream is not None
        stream.write(b"Content-Length: %d\r\n\r\n" % len(data) + data)
        stream.flush()

    def _read(self) -> None:
        stream = self.process.stdout
        assert stream is not None
        for message in _messages(stream):
            self._came.put(message)
        self._came.put(None)


def _messages(stream: IO[bytes]) -> Iterator[Message]:
    while header := stream.readline():
        length = 0
        while header.strip():
            name, _, value = header.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
            header = stream.readline()
        yield json.loads(stream.read(length))


@contextmanager
def editing(*roots: Path, **given: Any) -> Iterator[LanguageClient]:
    """A client with these roots; at the end the server is shut down."""
    client = LanguageClient()
    try:
        client.capabilities = client.start(*roots, **given)
        yield client
        assert client.end() == 0
    finally:
        client.kill()


def applied(edit: Message, texts: Mapping[str, str]) -> dict[str, str]:
    """`texts`, by URI, after a workspace edit; columns are UTF-16 of ASCII lines."""
    changed = dict(texts)
    lots = [
        (each["textDocument"]["uri"], each["edits"]) for each in edit.get("documentChanges", ())
    ]
    for uri, edits in [*lots, *edit.get("changes", {}).items()]:
        text = changed[uri]
        starts = [0]
        for line in text.splitlines(keepends=True):
            starts.append(starts[-1] + len(line))

        def offset(position: Message, starts: list[int] = starts) -> int:
            return starts[int(position["line"])] + int(position["character"])

        for each in sorted(edits, key=lambda one: offset(one["range"]["start"]), reverse=True):
            start, end = offset(each["range"]["start"]), offset(each["range"]["end"])
            text = text[:start] + each["newText"] + text[end:]
        changed[uri] = text
    return changed

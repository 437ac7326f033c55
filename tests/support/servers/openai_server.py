"""An OpenAI-compatible server on this machine with scripted replies, faults included."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from agentfast import OpenAIModel

Reply = Callable[[BaseHTTPRequestHandler], None]


class Server:
    """Answers each request with the next reply, or the usual one when there is none left; keeps what it was asked."""

    def __init__(self, usual: Reply | None = None) -> None:
        self.usual = usual
        self.replies: list[Reply] = []
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.connections = 0  # that are open
        self.changed = threading.Condition()  # a connection began or ended
        self.hanging = threading.Event()  # a reply hangs
        self.released = threading.Event()  # ends replies that hang
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                with server.changed:
                    server.connections += 1

            def finish(self) -> None:
                try:
                    super().finish()
                finally:
                    with server.changed:
                        server.connections -= 1
                        server.changed.notify_all()

            def do_POST(self) -> None:
                self.asked: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["content-length"])))
                server.asked.append(self.asked)
                server.paths.append(self.path)
                server.headers.append({key.lower(): value for key, value in self.headers.items()})
                answer = server.usual if server.usual and not server.replies else server.replies.pop(0)
                answer(self)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}/v1"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self) -> None:
        """Let replies that hang go, and end the server's thread."""
        self.released.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def model(self, **options: Any) -> OpenAIModel:
        """A model that asks this server and does not wait between attempts."""
        settings: dict[str, Any] = {"backoff_s": 0.0, "api_key": "", **options}
        return OpenAIModel("m", base_url=self.url, **settings)

    def wait_until_nobody_is_connected(self) -> None:
        """Return once all connections have ended.

        Raises:
            AssertionError: one is open after a minute.
        """
        with self.changed:
            assert self.changed.wait_for(lambda: self.connections == 0, 60)

    def hang(self, handler: BaseHTTPRequestHandler) -> None:
        """A reply that never comes; `hanging` is set once it was asked for."""
        self.hanging.set()
        self.released.wait(60)
        handler.close_connection = True


def reply(body: object, status: int = 200, **headers: str) -> Reply:
    """A JSON answer, or text or bytes that are not JSON."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        text = body if isinstance(body, str) else json.dumps(body) if not isinstance(body, bytes) else ""
        content = body if isinstance(body, bytes) else text.encode()
        handler.send_response(status)
        handler.send_header("content-length", str(len(content)))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(content)

    return send


def events(*chunks: object, done: bool = True, cut: bool = False, **headers: str) -> Reply:
    """An event stream of JSON chunks, or of lines as they are; `cut` ends the connection before the stream's end."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        kind = {"content-type": "text/event-stream", "transfer-encoding": "chunked"}
        for name, value in (
            kind | {name.replace("_", "-"): value for name, value in headers.items()}
        ).items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.close_connection = cut
        with suppress(ConnectionError):  # whoever asked may have left
            for chunk in (*chunks, *(["data: [DONE]\n\n"] if done else [])):
                content = (chunk if isinstance(chunk, str) else f"data: {json.dumps(chunk)}\n\n").encode()
                handler.wfile.write(b"%x\r\n%s\r\n" % (len(content), content))
                handler.wfile.flush()
            if not cut:
                handler.wfile.write(b"0\r\n\r\n")

    return send


def delta(message: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
    """A chunk of a streamed chat completion."""
    choice = {"index": 0, "delta": message, "finish_reason": reason}
    return {"object": "chat.completion.chunk", "choices": [choice]}


def drop(handler: BaseHTTPRequestHandler) -> None:
    """Close the connection without an answer."""
    handler.close_connection = True


def turn(message: dict[str, Any], reason: str = "stop") -> dict[str, Any]:
    """The body of a chat completion."""
    usage = {
        "prompt_tokens": 9,
        "completion_tokens": 4,
        "prompt_tokens_details": {"cached_tokens": 3},
    }
    return {"choices": [{"index": 0, "message": message, "finish_reason": reason}], "usage": usage}


def call(arguments: Any, name: str = "add", id_: str = "x1") -> dict[str, Any]:
    """A tool call in the notation of the protocol."""
    return {"id": id_, "type": "function", "function": {"name": name, "arguments": arguments}}

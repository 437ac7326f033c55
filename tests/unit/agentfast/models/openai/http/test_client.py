"""Servers that are busy, wrongly addressed or not there: one typed error each, which says what to do and no secrets."""

from __future__ import annotations

import asyncio
import logging
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentfast import (
    Agent,
    ConfigError,
    ModelError,
    ModelUnavailableError,
    OpenAIModel,
)
from agentfast.messages import UserMessage
from agentfast.models.base import ModelRequest
from tests.support.servers.openai_server import Server, drop, reply, turn

ASK = ModelRequest([UserMessage("Hello.")])
TEXT = reply(turn({"content": "Hi."}))
KEY = "sk-very-secret-key"


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


async def failure(model: OpenAIModel) -> ModelError:
    async with model:
        with pytest.raises(ModelError) as caught:
            await model.respond(ASK)
    return caught.value


@pytest.mark.parametrize("header", ["3600", "3600.0"])
async def test_a_server_that_asks_to_wait_past_the_timeout_is_not_waited_for(
    server: Server, header: str
) -> None:
    server.replies = [reply({"error": {"message": "slow down"}}, 429, retry_after=header)]
    error = await failure(server.model(timeout_s=60))
    assert isinstance(error, ModelUnavailableError)
    assert "slow down; the server asks to wait 3600 s, longer than timeout_s=60" in error.message
    assert len(server.asked) == 1


async def test_a_date_far_away_is_not_waited_for_either(server: Server) -> None:
    server.replies = [reply("", 503, retry_after="Fri, 01 Jan 2100 00:00:00 GMT")]
    assert "the server asks to wait" in (await failure(server.model())).message


@pytest.mark.parametrize("header", ["0.001", "Wed, 31 Dec 2025 00:00:00 GMT", "-7", "soon", "nan", ""])
async def test_a_short_wait_is_kept_and_one_that_cannot_be_read_is_none(server: Server, header: str) -> None:
    server.replies = [reply("", 503, retry_after=header), TEXT]
    async with server.model() as model:
        assert (await model.respond(ASK)).message.text == "Hi."


@pytest.mark.parametrize("streams", [False, True])
async def test_a_cancellation_during_retries_has_the_last_failure_as_its_cause_without_secrets(
    server: Server, *, streams: bool
) -> None:
    busy = {"error": {"message": f"key {KEY} is over its quota"}}
    server.replies = [reply(busy, 429, retry_after="0"), server.hang]
    async with server.model(api_key=KEY) as model:

        async def ask() -> None:
            if streams:
                _ = [event async for event in model.stream(ASK)]
            else:
                await model.respond(ASK)

        task = asyncio.create_task(ask())
        await asyncio.to_thread(server.hanging.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
    failure = caught.value.__cause__
    assert isinstance(failure, ModelUnavailableError)
    assert failure.message == f"m: {server.url}/chat/completions: status 429: key *** is over its quota"


async def test_retries_are_logged_without_secrets(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    server.replies = [reply({"error": f"key {KEY} is busy"}, 429, retry_after="0"), drop, TEXT]
    with caplog.at_level(logging.WARNING, "agentfast"):
        async with server.model(api_key=KEY) as model:
            await model.respond(ASK)
    first, second = caplog.messages
    assert "status 429: key *** is busy" in first
    assert server.url in first
    assert "RemoteProtocolError" in second
    assert KEY not in caplog.text


@pytest.mark.parametrize("status", [400, 401, 429, 500])
async def test_a_key_that_the_server_repeats_is_not_in_the_error(server: Server, status: int) -> None:
    server.replies = [reply({"error": {"message": f"bad key {KEY} or {KEY}"}}, status)]
    error = await failure(server.model(api_key=KEY, max_retries=0))
    assert "bad key *** or ***" in str(error)
    assert KEY not in f"{error!r} {error.__cause__!r}"


COMPLAINTS: list[tuple[Any, int, str]] = [
    ({"error": {"message": "bad tools"}}, 400, "status 400: bad tools .*extra_body"),
    ({"error": {"message": "Use 'max_completion_tokens' instead."}}, 400, "token_limit_field="),
    ({"error": {"message": "Unsupported value: 'temperature'"}}, 400, "leave Settings.temperature unset"),
    ({"message": "This model's maximum context length is 9"}, 400, "longer than the model's context"),
    ({"detail": "stream_options: extra field"}, 422, "stream_options.: None"),
    ({"error": {"message": "no"}}, 403, "this key may not use the model"),
    ("<html><head><title>404 Not Found</title>", 404, "titled '404 Not Found' .*usually ends in /v1"),
    ("", 405, "status 405 .*/v1"),
    ("too big", 413, "status 413: too big .*shorten"),
    ([{"loc": ["body"]}], 422, "status 422: "),
    ("", 501, "status 501"),
    ({"error": {"message": "no money", "code": "insufficient_quota"}}, 429, "no money .*quota is used up"),
]


@pytest.mark.parametrize(("body", "status", "said"), COMPLAINTS, ids=str)
async def test_a_refusal_says_the_server_s_reason_and_what_to_do(
    server: Server, body: object, status: int, said: str
) -> None:
    server.replies = [reply(body, status)]
    with pytest.raises(ModelError, match=f"m: {server.url}/chat/completions: .*{said}"):
        async with server.model() as model:
            await model.respond(ASK)
    assert len(server.asked) == 1


async def test_a_redirect_is_named(server: Server) -> None:
    server.replies = [reply("", 307, location="https://else.where/v1/chat/completions")]
    assert "redirects to https://else.where/v1" in (await failure(server.model())).message


async def test_a_server_that_is_not_there_says_so() -> None:
    server = Server()
    server.close()
    error = await failure(server.model(max_retries=0))
    assert isinstance(error, ModelUnavailableError)
    assert "connection refused (is the server running?" in str(error)


async def test_a_host_without_an_address_says_so() -> None:
    model = OpenAIModel("m", base_url="http://no-such-host.invalid/v1", api_key="", max_retries=0)
    error = await failure(model)
    assert isinstance(error, ModelUnavailableError)
    assert "check" in str(error)


async def test_tls_to_a_server_without_it_says_so_at_the_first_try(server: Server) -> None:
    error = await failure(OpenAIModel("m", base_url=server.url.replace("http:", "https:"), api_key=""))
    assert not isinstance(error, ModelUnavailableError)
    assert "http://" in str(error)


@pytest.fixture
def self_signed(tmp_path: Path) -> ssl.SSLContext:
    """A server's side of TLS, with a certificate that nobody trusts."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificate")
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost".split()
    subprocess.run([*command, "-keyout", key, "-out", certificate], capture_output=True, check=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


async def test_a_certificate_that_is_not_trusted_says_so_at_the_first_try(
    self_signed: ssl.SSLContext,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        refused = threading.Thread(target=_shake_hands, args=(listener, self_signed))
        refused.start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/v1"
        error = await failure(OpenAIModel("m", base_url=url, api_key=""))
        refused.join()
    assert not isinstance(error, ModelUnavailableError)
    assert "certificate is not trusted: set SSL_CERT_FILE" in str(error)


def _shake_hands(listener: socket.socket, context: ssl.SSLContext) -> None:
    raw, _ = listener.accept()
    with raw, pytest.raises(ssl.SSLError):
        context.wrap_socket(raw, server_side=True)


async def test_an_answer_that_cannot_be_unpacked_is_an_error(server: Server) -> None:
    server.replies = [reply("no gzip", content_encoding="gzip")]
    assert "DecodingError" in (await failure(server.model())).message


async def test_a_proxy_that_cannot_be_used_is_a_typed_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "gopher://127.0.0.1")
    async with OpenAIModel("m", base_url="https://127.0.0.1:1/v1", api_key="") as model:
        with pytest.raises(ConfigError, match="HTTPS_PROXY"):
            await model.respond(ASK)


async def test_a_header_with_a_secret_is_sent_and_not_shown(server: Server) -> None:
    server.replies = [reply(f"who is {KEY}?", 400)]
    error = await failure(server.model(extra_headers={"api-key": KEY}))
    assert server.headers[0]["api-key"] == KEY
    assert "who is ***?" in str(error)


def not_installed(statement: str) -> str:
    code = f"import sys; sys.modules['openai'] = None\nfrom agentfast import ConfigError, OpenAIModel\ntry:\n    {statement}\nexcept ConfigError as e:\n    print(e)"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_a_missing_package_says_how_to_install_it() -> None:
    assert "pip install 'agentfast[openai]'" in not_installed("OpenAIModel('m', api_key='x')")


async def test_what_json_cannot_hold_is_refused_by_its_place(server: Server) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "number", "maximum": float("inf")}}}
    async with server.model() as model:
        with pytest.raises(
            ConfigError, match="output_type is a JSON Schema that has inf at /properties/a/maximum"
        ):
            await Agent(model, output_type=schema).run("Go.")
    assert server.asked == []

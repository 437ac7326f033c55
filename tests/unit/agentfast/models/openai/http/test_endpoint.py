"""The address and the headers of a server."""

from __future__ import annotations

from typing import Any

import pytest

from agentfast import ConfigError, OpenAIModel
from agentfast.models.openai.http.endpoint import Endpoint

SECRET = "sk-very-secret-key"


@pytest.mark.parametrize(
    ("base_url", "url", "shown"),
    [
        ("http://h:8/v1", "http://h:8/v1/chat/completions", "http://h:8/v1/chat/completions"),
        ("http://h:8/v1/", "http://h:8/v1/chat/completions", "http://h:8/v1/chat/completions"),
        ("https://[::1]/v1", "https://[::1]/v1/chat/completions", "https://[::1]/v1/chat/completions"),
        (
            "https://me:secret99@h/o?api-version=2030-01",
            "https://me:secret99@h/o/chat/completions?api-version=2030-01",
            "https://h/o/chat/completions",
        ),
    ],
)
def test_the_path_is_added_and_secrets_are_not_shown(base_url: str, url: str, shown: str) -> None:
    endpoint = Endpoint(base_url, "", {})
    assert (endpoint.url, endpoint.shown) == (url, shown)


def test_passwords_and_queries_of_the_address_are_kept_out_of_messages() -> None:
    endpoint = Endpoint("https://me:secret99@h/v1?key=secret77", "", {"x-key": SECRET})
    assert endpoint.redacted(f"secret99, key=secret77 and {SECRET}") == "***, *** and ***"


@pytest.mark.parametrize(
    "base_url",
    [
        "localhost:8000/v1",
        "",
        "http://",
        "http://h:port/v1",
        "http://[::1/v1",
        "http://a b/v1",
        None,
        3,
        "ftp://h",
    ],
)
def test_what_is_no_address_is_refused_with_an_example(base_url: Any) -> None:
    with pytest.raises(ConfigError, match=r"base_url.*http://localhost:8000/v1"):
        OpenAIModel("m", base_url=base_url, api_key="x")


def test_an_address_with_its_path_is_refused() -> None:
    with pytest.raises(ConfigError, match="base_url ends with /chat/completions"):
        OpenAIModel("m", base_url="http://h/v1/chat/completions")


def test_openai_needs_a_key_and_other_servers_may_do_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(ConfigError, match="set OPENAI_API_KEY"):
        OpenAIModel("m")
    OpenAIModel("m", base_url="http://localhost:8000/v1")


@pytest.mark.parametrize("key", [f"{SECRET}\nx", f"{SECRET}é", f"{SECRET}\0"])
def test_a_key_that_no_header_can_hold_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(ConfigError, match="api_key has a character") as failure:
        OpenAIModel("m", api_key=key)
    assert SECRET not in str(failure.value)


def test_the_line_break_of_a_file_is_no_part_of_a_key() -> None:
    assert Endpoint("http://h", f" {SECRET}\n", {}).headers["Authorization"] == f"Bearer {SECRET}"


def test_a_header_replaces_that_of_the_same_name_and_its_words_are_secret() -> None:
    endpoint = Endpoint("http://h", "a-first-key", {"authorization": f"Token {SECRET}"})
    assert endpoint.headers == {"Content-Type": "application/json", "authorization": f"Token {SECRET}"}
    assert endpoint.redacted(f"who is {SECRET}?") == "who is ***?"


@pytest.mark.parametrize("headers", [{"x": 3}, {"x": "a\nb"}, {"é": "x"}])
def test_headers_that_cannot_be_sent_are_refused_by_name(headers: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="extra_headers"):
        OpenAIModel("m", api_key="x", extra_headers=headers)

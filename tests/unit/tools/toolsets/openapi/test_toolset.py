"""Tools of an OpenAPI document, against a real HTTP server."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from agentfast.errors import ConfigError, ToolDefinitionError
from agentfast.tools import Executor, ToolCall, ToolRegistry, from_openapi

PET: dict[str, Any] = {
    "type": "object",
    "required": ["id", "name"],
    "properties": {
        "id": {"type": "integer", "readOnly": True},
        "name": {"type": "string", "nullable": True},
        "age": {"type": "integer", "minimum": 0, "exclusiveMinimum": True},
        "friend": {"$ref": "#/components/schemas/Pet"},
    },
}


def parameter(name: str, place: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "in": place, "required": place == "path", "schema": {"type": "string"}, **more}


def document(**more: Any) -> dict[str, Any]:
    array = {"type": "array", "items": {"type": "string"}}
    found: dict[str, Any] = {
        "openapi": "3.0.3",
        "servers": [{"url": "https://api.example.com/{v}", "variables": {"v": {"default": "v1"}}}],
        "paths": {
            "/pets/{id}": {
                "parameters": [parameter("id", "path")],
                "get": {
                    "operationId": "pets.get",
                    "summary": "A pet.",
                    "parameters": [
                        parameter("tags", "query", schema=array),
                        parameter("ids", "query", schema=array, explode=False),
                        parameter("where", "query", schema={"type": "object"}, style="deepObject"),
                        parameter("X-Key", "header"),
                        parameter("X-Trace", "header", schema={"type": "string"}),
                        parameter("seen", "cookie"),
                        {"$ref": "#/components/parameters/id"},
                    ],
                },
                "put": {
                    "requestBody": {
                        "required": True,
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}},
                    }
                },
            },
            "/photos": {"post": {"operationId": "upload", "requestBody": {"content": {"image/png": {}}}}},
        },
        "components": {"schemas": {"Pet": PET}, "parameters": {"id": parameter("id", "query")}},
    }
    return found | more


class Handler(BaseHTTPRequestHandler):
    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        place = self.path.partition("?")[0].rpartition("/")[2]
        status = {"missing": 404, "moved": 302, "away": 302, "nothing": 204}.get(place, 200)
        said = json.dumps(
            {
                "method": self.command,
                "path": self.path,
                "body": body,
                **{k.lower(): v for k, v in self.headers.items()},
            }
        ).encode()
        kind = "application/json"
        if place in ("missing", "text"):
            said, kind = b"no such pet", "text/plain"
        if place == "binary":
            said, kind = b"\0\1", "image/png"
        if status == 204:
            said = b""
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/v1/pets/2" if place == "moved" else "http://127.0.0.1:1/secret")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    do_GET = do_PUT = do_POST = answer  # noqa: N815  (as http.server names them)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{httpd.server_address[1]}/v1"
    httpd.shutdown()
    thread.join()
    httpd.server_close()


async def run(url: str, name: str, **arguments: Any) -> Any:
    toolset = from_openapi(document(), base_url=url, headers={"x-key": "secret"})
    result = await Executor(ToolRegistry([toolset])).run(ToolCall(name, arguments))
    return json.loads(result.content)


def test_a_tool_of_each_operation_has_its_parameters_and_body_in_one_closed_object() -> None:
    toolset = from_openapi(document(), headers={"x-key": "secret"})
    get, put = toolset.tools()
    assert (get.name, get.original_name, get.description) == ("pets_get", "pets.get", "A pet.")
    assert list(get.parameters["properties"]) == [
        "path_id",
        "tags",
        "ids",
        "where",
        "X-Trace",
        "seen",
        "query_id",
    ]
    assert (get.parameters["required"], get.parameters["additionalProperties"]) == (["path_id"], False)
    assert (get.pure, get.idempotent, put.pure, put.idempotent) == (True, True, False, True)
    assert (put.name, put.original_name) == ("PUT_pets_id", "PUT /pets/{id}")
    assert put.parameters["$defs"]["Pet"] == {
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": {"type": ["string", "null"]},
            "age": {"type": "integer", "exclusiveMinimum": 0},
            "friend": {"$ref": "#/$defs/Pet"},
        },
    }


async def test_values_are_written_into_the_request(server: str) -> None:
    sent = await run(
        server,
        "pets_get",
        path_id="a/b ?#%é",
        tags=["x", "y&z"],
        ids=["1", "2"],
        where={"k": 1},
        seen="c;d",
        query_id="q",
    )
    path, _, query = sent["path"].partition("?")
    assert path == "/v1/pets/a%2Fb%20%3F%23%25%C3%A9"
    assert list(httpx.QueryParams(query).multi_items()) == [
        ("tags", "x"),
        ("tags", "y&z"),
        ("ids", "1,2"),
        ("where[k]", "1"),
        ("id", "q"),
    ]
    assert (sent["x-key"], sent["cookie"]) == ("secret", "seen=c%3Bd")
    sent = await run(server, "PUT_pets_id", id="1", body={"name": None, "friend": {"name": "é"}})
    assert (sent["method"], sent["content-type"]) == ("PUT", "application/json")
    assert json.loads(sent["body"]) == {"name": None, "friend": {"name": "é"}}


@pytest.mark.parametrize("value", ["..", ".", "../x", "x/../../y", "..\\x", ""])
async def test_a_value_leads_to_no_other_folder(server: str, value: str) -> None:
    assert "is no part of a path" in (await run(server, "pets_get", path_id=value))["error"]


async def test_a_header_is_not_split(server: str) -> None:
    said = await run(server, "pets_get", path_id="1", **{"X-Trace": "a\r\nX-Key: mine"})
    assert "is no value of a header" in said["error"]


async def test_arguments_that_do_not_fit_are_not_sent(server: str) -> None:
    assert "$.body.age" in (await run(server, "PUT_pets_id", id="1", body={"name": "x", "age": 0}))["error"]
    assert "X-Key" in (await run(server, "pets_get", path_id="1", **{"X-Key": "mine"}))["error"]


async def test_answers_become_results(server: str) -> None:
    assert await run(server, "pets_get", path_id="text") == "no such pet"
    assert await run(server, "pets_get", path_id="nothing") is None
    assert (await run(server, "pets_get", path_id="missing"))["error"] == (
        "GET /pets/{id} answers 404 Not Found: no such pet"
    )
    assert "which is no text" in (await run(server, "pets_get", path_id="binary"))["error"]


async def test_redirects_are_followed_on_the_same_server_for_get_alone(server: str) -> None:
    assert (await run(server, "pets_get", path_id="moved"))["path"] == "/v1/pets/2"
    assert "only a GET" in (await run(server, "PUT_pets_id", id="moved", body={"name": "x"}))["error"]
    assert "another server" in (await run(server, "pets_get", path_id="away"))["error"]


async def test_a_server_out_of_reach_is_an_error_of_the_tool() -> None:
    assert "GET /pets/{id}: " in (await run("http://127.0.0.1:1", "pets_get", path_id="1"))["error"]


async def test_a_client_is_used_as_it_is(server: str) -> None:
    async with httpx.AsyncClient(headers={"X-Mine": "1"}, follow_redirects=True) as client:
        toolset = from_openapi(document(), base_url=server, client=client, include=["pets.get"])
        executor = Executor(ToolRegistry([toolset]))
        sent = json.loads((await executor.run(ToolCall("pets_get", {"path_id": "1"}))).content)
        assert sent["x-mine"] == "1"
        result = await executor.run(ToolCall("pets_get", {"path_id": "away"}))
        assert "another server" in result.content


def test_an_operation_that_is_not_supported_is_told() -> None:
    assert from_openapi(document()).skipped == {
        "upload": "the body of POST /photos has no JSON, but image/png"
    }
    with pytest.raises(ToolDefinitionError, match="image/png"):
        from_openapi(document(), include=["upload"])
    with pytest.raises(ToolDefinitionError, match="did you mean upload"):
        from_openapi(document(), include=["uploads"])


def test_documents_are_dicts_texts_and_files(tmp_path: Path) -> None:
    path = tmp_path / "api.json"
    path.write_text(json.dumps(document()))
    for source in (document(), json.dumps(document()), path, str(path)):
        assert [each.name for each in from_openapi(source).tools()] == ["pets_get", "PUT_pets_id"]


def test_yaml_is_read_where_its_package_is_there(tmp_path: Path) -> None:
    pytest.importorskip("yaml")
    text = """
openapi: 3.1.0
info: {version: 2024-01-01}
servers: [{url: "https://api.example.com"}]
paths:
  /days:
    get:
      operationId: days
      parameters: [{name: on, in: query, schema: {type: [string, "null"], enum: [2024-01-01]}}]
      responses: {200: {description: ok}}
"""
    (made,) = from_openapi(text).tools()
    assert made.parameters["properties"]["on"]["enum"] == ["2024-01-01"]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({"swagger": "2.0"}, "Swagger 2.0"),
        ({}, "no OpenAPI"),
        ("{", "not JSON"),
        ("missing.json", "cannot be read"),
        (5, "a dict, a text or a path"),
        (document(servers=[{"url": "/v1"}]), "no address of a server"),
        (document(components={}), "does not hold"),
        (
            document(paths={"/a": {"get": {"parameters": [{"$ref": "other.yaml#/a"}]}}}),
            "outside of the document",
        ),
        (document(paths={"/a/{b}": {"get": {}}}), "'b' is not described"),
        (document(paths={"/a": {"$ref": "#/paths/~1a"}}), "refers to itself"),
    ],
)
def test_a_wrong_document_is_refused(source: Any, said: str) -> None:
    with pytest.raises(ToolDefinitionError, match=said):
        from_openapi(source)


@pytest.mark.parametrize("url", ["ftp://a", "a.com", "http://u:p@a.com", "http://a?b", 5])
def test_a_base_url_is_the_address_of_a_server(url: Any) -> None:
    with pytest.raises(ConfigError, match="base_url"):
        from_openapi(document(), base_url=url)

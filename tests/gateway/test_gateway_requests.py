"""Rules 13-20: request bodies."""

import asyncio
from typing import Any

import pytest

from gateway.app import Gateway, Limits
from gateway.bodies import read_body
from gateway.errors import Refused
from gateway.upstreams import Upstream
from tests.gateway.echoes import echo, refused
from tests.gateway.toy import Client, Toy, gateway, new

BOOK = "/v1/shelves/1/books/2"


@pytest.mark.rule(13)
async def test_bodies_go_where_the_rule_says(ask: Client, toy: Toy) -> None:
    await ask("POST", f"{BOOK}:lend", json_body={"borrower": "Ada"})
    assert toy.last.request.borrower == "Ada"
    await ask("POST", "/v1/shelves/1/books", json_body={"title": "Dune"})
    assert toy.last.request.book.title == "Dune"


@pytest.mark.rule(13, refuses=True)
async def test_a_body_where_none_belongs_is_refused(ask: Client, toy: Toy) -> None:
    for method in ("GET", "DELETE"):
        reply = await ask(method, BOOK, json_body={"title": "x"})
        assert (reply.status, reply.reason) == (400, "BODY_NOT_ALLOWED")
    assert toy.seen == []
    assert (await ask("GET", BOOK, body=b" \n")).status == 200


@pytest.mark.rule(14)
async def test_the_path_fills_what_the_body_leaves(ask: Client, toy: Toy) -> None:
    await ask("PATCH", BOOK, json_body={"title": "x", "name": "shelves/1/books/2"})
    assert toy.last.request.book.name == "shelves/1/books/2"
    await ask("PUT", "/v1/echo/t?small=3", json_body={"text": "inner"})
    got = toy.last.request
    assert (got.text, got.child.text, got.small) == ("t", "inner", 3)


@pytest.mark.rule(14, refuses=True)
async def test_path_and_body_must_agree(ask: Client, toy: Toy) -> None:
    for method, path in (("PATCH", BOOK), ("POST", f"{BOOK}:lend")):
        reply = await ask(method, path, json_body={"name": "shelves/1/books/3"})
        assert (reply.status, reply.reason) == (400, "PATH_CONFLICT")
    assert toy.seen == []


@pytest.mark.rule(15)
@pytest.mark.parametrize("body", [b"", b" ", b"\r\n\t "])
async def test_an_empty_body_is_an_empty_message(ask: Client, toy: Toy, body: bytes) -> None:
    headers = {"content-type": "application/json"}
    assert (await ask("POST", "/v1/echo", body=body, headers=headers)).status == 200
    assert toy.last.request == new("Everything")


@pytest.mark.rule(15, refuses=True)
async def test_other_blanks_are_not_json(ask: Client) -> None:
    assert "malformed JSON" in await refused(ask, b"\xc2\xa0")


@pytest.mark.rule(16)
async def test_an_object_is_taken(ask: Client) -> None:
    assert (await echo(ask, {"text": "x"}))["text"] == "x"


@pytest.mark.rule(16, refuses=True)
@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"null",
        b'"x"',
        b"1",
        b"true",
        b"{}{}",
        b"{} x",
        b"{",
        b'{"text":}',
        b"{'a':1}",
        b'{"text":"a","text":"b"}',
        b'{"child":{"text":"a","text":"a"}}',
        b"\xff{}",
        b'{"largeSigned":"1","large_signed":"1"}',
        b'{"aka":"1","renamed":"1"}',
        b'{"text":"\n"}',
    ],
)
async def test_what_is_not_one_clean_object_is_refused(ask: Client, body: bytes) -> None:
    await refused(ask, body)


@pytest.mark.rule(17)
async def test_nesting_up_to_the_limit(ask: Client) -> None:
    value: Any = 1
    for _ in range(30):
        value = [value]
    assert (await echo(ask, {"value": value}))["value"] == value


@pytest.mark.rule(17, refuses=True)
@pytest.mark.parametrize("depth", [101, 3000, 100_000])
async def test_deep_nesting_is_refused(ask: Client, depth: int) -> None:
    lists = b'{"value":' + b"[" * depth + b"]" * depth + b"}"
    assert "deep" in await refused(ask, lists)
    assert "deep" in await refused(ask, b'{"child":' * depth + b"{}" + b"}" * depth)


@pytest.mark.rule(17, refuses=True)
async def test_what_protobuf_cannot_nest_is_refused(ask: Client) -> None:
    assert "deep" in await refused(ask, b'{"value":' + b"[" * 60 + b"]" * 60 + b"}")


@pytest.mark.rule(17, refuses=True)
async def test_brackets_in_strings_do_not_nest(ask: Client) -> None:
    assert (await echo(ask, {"text": "[" * 500}))["text"] == "[" * 500


@pytest.mark.rule(17, refuses=True)
async def test_a_large_body_is_refused_before_it_is_read(ask: Client, toy: Toy) -> None:
    headers = {"content-type": "application/json", "content-length": str(5 << 20)}
    reply = await ask("POST", "/v1/echo", body=b"{}", headers=headers)
    assert (reply.status, reply.reason) == (413, "BODY_TOO_LARGE")
    assert reply.headers["connection"] == "close"
    chunked = {"content-type": "application/json", "transfer-encoding": "chunked"}
    reply = await ask("POST", "/v1/echo", body=b" " * (4 << 20) + b" ", headers=chunked)
    assert (reply.status, toy.seen) == (413, [])


@pytest.mark.rule(17, refuses=True)
async def test_a_chunked_body_is_refused_at_the_limit_and_not_at_its_end() -> None:
    asked = 0

    async def endless() -> dict[str, Any]:
        nonlocal asked
        asked += 1
        return {"type": "http.request", "body": b"x" * 60, "more_body": True}

    with pytest.raises(Refused):
        await read_body({b"transfer-encoding": b"chunked"}, endless, limit=100, timeout_s=60)
    assert asked == 2


@pytest.mark.rule(17, refuses=True)
async def test_a_body_that_does_not_arrive_is_given_up(server: Upstream, toy: Toy) -> None:
    app = gateway(server, limits=Limits(body_s=0.02))
    headers = [(b"content-type", b"application/json"), (b"content-length", b"2")]
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def never() -> Any:
        await asyncio.Event().wait()

    scope = Client(app).scope("POST", "/v1/echo", headers)
    await app(scope, never, send)
    assert (sent[0]["status"], toy.seen) == (408, [])


@pytest.mark.rule(17, refuses=True)
async def test_a_client_that_leaves_gets_no_answer(app: Gateway, toy: Toy) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def gone() -> Any:
        return {"type": "http.disconnect"}

    await app(Client(app).scope("POST", "/v1/echo", [(b"content-length", b"2")]), gone, send)
    assert (sent, toy.seen) == ([], [])


@pytest.mark.rule(18)
@pytest.mark.parametrize(
    "sent",
    ["application/json", "application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"'],
)
async def test_json_is_taken(ask: Client, sent: str) -> None:
    headers = {"content-type": sent}
    assert (await ask("POST", "/v1/echo", body=b"{}", headers=headers)).status == 200


@pytest.mark.rule(18, refuses=True)
@pytest.mark.parametrize(
    "sent",
    [
        None,
        "",
        "text/plain",
        "application/json; charset=latin-1",
        "application/jsonx",
        "text/plain; application/json",
        "multipart/form-data",
        "application/x-www-form-urlencoded",
        "application/json, text/plain",
        "application/grpc+json",
    ],
)
async def test_other_types_are_refused(ask: Client, toy: Toy, sent: str | None) -> None:
    headers = {"content-type": sent} if sent is not None else {}
    reply = await ask("POST", "/v1/echo", body=b"{}", headers=headers)
    assert (reply.status, reply.json["code"]) == (415, 3)
    assert toy.seen == []


UPLOAD = "/v1/file/a%20b:upload"


@pytest.mark.rule(18)
@pytest.mark.parametrize("sent", ["application/json", "text/plain; charset=latin-1", None, "\xff"])
async def test_a_raw_body_is_passed_on_as_it_stands(
    ask: Client, toy: Toy, sent: str | None
) -> None:
    headers = {} if sent is None else {"content-type": sent}
    for body in (b"", b" \n", b'{"a": 1, "a": NaN', b"\xff\x00" * 1000):
        reply = await ask("POST", UPLOAD, body=body, headers=headers)
        assert (reply.status, reply.json["name"]) == (200, "a b")
        file = toy.last.request.file
        assert toy.last.request.HasField("file")
        expected = sent if sent and sent.isascii() else ""
        assert (file.data, file.content_type) == (body, expected)


@pytest.mark.rule(13, refuses=True)
async def test_a_raw_body_covers_its_field(ask: Client, toy: Toy) -> None:
    for query in ("file.data=eA==", "file.contentType=x", "name=b"):
        assert (await ask("POST", f"{UPLOAD}?{query}", body=b"x")).status == 400
    assert toy.seen == []
    assert (await ask("POST", f"{UPLOAD}?note=n", body=b"x")).status == 200
    assert toy.last.request.note == "n"


@pytest.mark.rule(17, refuses=True)
async def test_a_raw_body_may_not_be_larger_than_others(toy: Toy, server: Upstream) -> None:
    app = gateway(server, limits=Limits(body_bytes=10))
    reply = await Client(app)("POST", UPLOAD, body=b"x" * 11)
    assert (reply.status, reply.reason, toy.seen) == (413, "BODY_TOO_LARGE", [])


@pytest.mark.rule(43)
async def test_a_raw_body_brings_the_headers_that_describe_it(ask: Client, toy: Toy) -> None:
    headers = [
        ("X-Hub-Signature-256", "sha256=00"),
        ("Webhook-Id", "msg_1"),
        ("X-Twice", "1"),
        ("x-twice", "2"),
    ]
    await ask("POST", UPLOAD, body=b"x", headers=headers)
    assert toy.last.metadata["grpcgateway-x-hub-signature-256"] == "sha256=00"
    assert toy.last.metadata["grpcgateway-webhook-id"] == "msg_1"
    twice = [value for key, value in toy.last.pairs if key == "grpcgateway-x-twice"]
    assert twice == ["1", "2"]
    # Any other route is told nothing of them.
    await ask(
        "POST", "/v1/echo", body=b"{}", headers=[*headers, ("content-type", "application/json")]
    )
    assert not [key for key, _ in toy.last.pairs if key.startswith("grpcgateway-x-")]


@pytest.mark.rule(43, refuses=True)
async def test_a_raw_body_brings_no_headers_of_others(ask: Client, toy: Toy) -> None:
    headers = {
        "X-Forwarded-For": "1.2.3.4",
        "X-Real-Ip": "1.2.3.4",
        "X-Weft-Principal": "users/1",
        "Cookie": "a=b",
        "X-Odd-Bin": "AAAA",
        "X-Umlaut": "\xe4",
        "X-(Sign)": "1",
    }
    await ask("POST", UPLOAD, body=b"x", headers=headers)
    keys = {key for key, _ in toy.last.pairs}
    assert not {f"grpcgateway-{name.lower()}" for name in headers} & keys
    assert not {"x-weft-principal", "cookie"} & keys


@pytest.mark.rule(19, refuses=True)
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"nope": 1}, "nope"),
        ({"child": {"child": {"nope": 1}}}, "child.child.nope"),
        ({"children": [{}, {"nope": 1}]}, "children[1].nope"),
        ({"byNumber": {"3": {"nope": 1}}}, "byNumber[3].nope"),
        ({"Text": "x"}, "Text"),
        ({"[toy.v1.ext]": "x"}, "[toy.v1.ext]"),
    ],
)
async def test_unknown_fields_are_named(ask: Client, body: Any, field: str) -> None:
    assert "no such field" in await refused(ask, body, field=field)


@pytest.mark.rule(19, refuses=True)
async def test_violations_name_the_field_of_the_request(ask: Client) -> None:
    reply = await ask("POST", "/v1/shelves/1/books", json_body={"pagesX": 1})
    assert reply.json["details"][1]["fieldViolations"][0]["field"] == "book.pagesX"


@pytest.mark.rule(20)
async def test_both_names_and_null(ask: Client, toy: Toy) -> None:
    await echo(ask, {"largeSigned": "5", "aka": "x", "maybe": None, "child": None, "texts": None})
    assert (toy.last.request.large_signed, toy.last.request.renamed) == (5, "x")
    assert not toy.last.request.HasField("maybe")
    await echo(ask, {"large_signed": "5", "renamed": "x"})
    assert (toy.last.request.large_signed, toy.last.request.renamed) == (5, "x")
    answer = await echo(ask, {"value": None, "null": None, "values": [None]})
    assert (answer["value"], answer["null"], answer["values"]) == (None, None, [None])
    assert toy.last.request.HasField("value")


@pytest.mark.rule(20, refuses=True)
@pytest.mark.parametrize(
    "body", [{"texts": [None]}, {"children": [None]}, {"labels": {"a": None}}, {"larges": [None]}]
)
async def test_null_is_no_element(ask: Client, body: Any) -> None:
    await refused(ask, body)

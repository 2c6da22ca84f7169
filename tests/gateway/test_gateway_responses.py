"""Rules 38-47: responses, metadata and deadlines."""

import ipaddress
from typing import Any

import pytest
from google.api import httpbody_pb2

from gateway.app import Limits, Policy
from gateway.upstreams import Upstream
from tests.gateway import toy as toys
from tests.gateway.toy import Client, Toy, b64, new

BOOK = "/v1/shelves/1/books/2"


@pytest.mark.rule(38)
async def test_success_codes_and_bodies(ask: Client) -> None:
    assert (await ask("GET", BOOK)).status == 200
    assert (await ask("POST", "/v1/shelves/1/books", json_body={})).status == 201
    gone = await ask("DELETE", BOOK)
    assert (gone.status, gone.body) == (204, b"")
    assert "content-type" not in gone.headers
    lent = await ask("POST", f"{BOOK}:lend", json_body={"borrower": "Ada"})
    assert lent.json["title"] == "Ada"


@pytest.mark.rule(38)
async def test_an_empty_message_is_an_empty_object(ask: Client, toy: Toy) -> None:
    toy.answers["Wait"] = toys.empty()
    assert (await ask("GET", "/v1/wait")).body == b"{}"


@pytest.mark.rule(38, refuses=True)
async def test_a_malformed_answer_is_a_fault(ask: Client, toy: Toy) -> None:
    # Empty has no fields; HttpBody bytes of a bad wire type are no Book.
    class Broken:
        def SerializeToString(self) -> bytes:
            return b"\x0a\xff"

    toy.answers["GetBook"] = Broken()
    reply = await ask("GET", BOOK)
    assert (reply.status, reply.json["code"], reply.json["details"]) == (500, 13, [])


@pytest.mark.rule(39)
async def test_defaults_are_printed_and_absence_is_not(ask: Client) -> None:
    answer = (await ask("POST", "/v1/echo", json_body={})).json
    assert (answer["small"], answer["large"], answer["text"]) == (0, "0", "")
    assert (answer["texts"], answer["labels"]) == ([], {})
    assert (answer["colour"], answer["flag"], answer["data"]) == ("COLOUR_UNSPECIFIED", False, "")
    for absent in ("maybe", "maybeText", "child", "left", "time", "textWrapper", "struct"):
        assert absent not in answer
    assert "smallUnsigned" in answer
    assert "small_unsigned" not in answer


@pytest.mark.rule(39)
async def test_json_is_compact_unless_asked(ask: Client) -> None:
    assert b'"title":"Dune"' in (await ask("GET", BOOK)).body
    reply = await ask("GET", BOOK, headers={"accept": "application/json; indent=2"})
    assert b'\n  "title": "Dune"' in reply.body
    assert reply.headers["content-type"] == "application/json"


@pytest.mark.rule(39, refuses=True)
@pytest.mark.parametrize("accept", ["application/json; indent=99", "text/html; indent=2", "x"])
async def test_other_indentation_is_not_served(ask: Client, accept: str) -> None:
    assert b'"title":"Dune"' in (await ask("GET", BOOK, headers={"accept": accept})).body


@pytest.mark.rule(39)
async def test_text_is_not_escaped(ask: Client) -> None:
    body = (await ask("POST", "/v1/echo", json_body={"text": "Grüße 🧵 \u2028"})).body
    assert "Grüße 🧵 \u2028".encode() in body


@pytest.mark.rule(40)
async def test_files_are_raw(ask: Client) -> None:
    reply = await ask("GET", "/v1/file")
    assert (reply.body, reply.headers["content-type"]) == (b"%PDF\x00\xff", "application/pdf")
    parts = await ask("GET", "/v1/file:parts")
    assert (parts.body, parts.headers["content-type"]) == (b"a,b\n1,2\n", "text/csv")


@pytest.mark.rule(40, refuses=True)
async def test_a_content_type_cannot_inject_headers(ask: Client, toy: Toy) -> None:
    for content_type in ("text/html\r\nx: y", "", "x" * 300):
        toy.answers["Download"] = httpbody_pb2.HttpBody(content_type=content_type, data=b"x")
        reply = await ask("GET", "/v1/file")
        assert reply.headers["content-type"] == "application/octet-stream"
        assert "sandbox" in reply.headers["content-security-policy"]


@pytest.mark.rule(40)
async def test_a_page_runs_nothing_and_is_framed_by_us_alone(ask: Client, toy: Toy) -> None:
    for content_type in ("text/html; charset=utf-8", "TEXT/HTML"):
        toy.answers["Download"] = httpbody_pb2.HttpBody(content_type=content_type, data=b"<b>")
        headers = (await ask("GET", "/v1/file")).headers
        policy = headers["content-security-policy"].split("; ")
        assert {"default-src 'none'", "frame-ancestors 'self'", "sandbox"} <= set(policy)
        assert not any(rule.startswith(("script-src", "connect-src")) for rule in policy)
        assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.rule(41)
async def test_public_metadata_becomes_headers(ask: Client, toy: Toy) -> None:
    toy.initial = [("x-weft-revision", "42"), ("x-weft-epoch", "e")]
    headers = (await ask("GET", BOOK)).raw_headers
    assert (b"Grpc-Metadata-X-Weft-Revision", b"42") in headers
    assert (b"Grpc-Metadata-X-Weft-Epoch", b"e") in headers


@pytest.mark.rule(41)
async def test_binary_metadata_is_base64(server: Upstream, toy: Toy) -> None:
    toy.initial = [("x-weft-trace-bin", b"\x00\xff")]
    policy = Policy(public_metadata=frozenset(("x-weft-trace-bin",)))
    reply = await Client(toys.gateway(server, policy=policy))("GET", BOOK)
    assert reply.headers["grpc-metadata-x-weft-trace-bin"] == b64(b"\x00\xff")


@pytest.mark.rule(41, refuses=True)
async def test_other_metadata_stays_inside(ask: Client, toy: Toy) -> None:
    toy.initial = [("x-weft-secret", "s"), ("server-name", "pod-7"), ("set-cookie", "a=b")]
    headers = (await ask("GET", BOOK)).headers
    assert not any("secret" in name or "server" in name or "cookie" in name for name in headers)


@pytest.mark.rule(42)
async def test_public_trailers_become_headers_of_unary_calls(ask: Client, toy: Toy) -> None:
    toy.trailing = [("x-weft-revision", "43"), ("x-weft-secret", "s")]
    headers = (await ask("GET", BOOK)).headers
    assert headers["grpc-metadata-x-weft-revision"] == "43"


@pytest.mark.rule(42, refuses=True)
async def test_trailers_of_streams_are_dropped(ask: Client, toy: Toy) -> None:
    async def watch(_: Any, context: Any) -> Any:
        context.set_trailing_metadata((("x-weft-revision", "43"),))
        yield new("WatchBookResponse", revision=1)

    toy.watch = watch
    reply = await ask("GET", f"{BOOK}:watch")
    assert (reply.status, "grpc-metadata-x-weft-revision" in reply.headers) == (200, False)


@pytest.mark.rule(43)
async def test_headers_become_metadata(ask: Client, toy: Toy) -> None:
    await ask(
        "GET",
        BOOK,
        headers={
            "Authorization": "Bearer t",
            "Grpc-Metadata-X-Custom": "c",
            "User-Agent": "curl/8",
            "Accept-Language": "de",
            "Traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "X-Weft-Client": "sdk/1",
        },
    )
    metadata = toy.last.metadata
    assert metadata["authorization"] == "Bearer t"
    assert metadata["x-custom"] == "c"
    assert metadata["grpcgateway-user-agent"] == "curl/8"
    assert metadata["grpcgateway-accept-language"] == "de"
    assert metadata["traceparent"].startswith("00-0af7")
    assert metadata["x-weft-client"] == "sdk/1"


@pytest.mark.rule(43, refuses=True)
async def test_other_headers_stay_outside(ask: Client, toy: Toy) -> None:
    headers = {"Cookie": "a=b", "X-Api-Key": "k", "Dnt": "1", "Connection": "close", "TE": "x"}
    await ask("GET", BOOK, headers=headers)
    assert not {"cookie", "x-api-key", "dnt", "connection", "te"} & toy.last.metadata.keys()
    assert "grpcgateway-cookie" not in toy.last.metadata


@pytest.mark.rule(43, refuses=True)
async def test_two_credentials_are_refused(ask: Client, toy: Toy) -> None:
    twice = [("authorization", "Bearer a"), ("authorization", "Bearer b")]
    reply = await ask("GET", BOOK, headers=twice)
    assert (reply.status, reply.reason, toy.seen) == (400, "AMBIGUOUS_CREDENTIAL", [])


@pytest.mark.rule(44)
async def test_binary_metadata_is_decoded(ask: Client, toy: Toy) -> None:
    headers = {"Grpc-Metadata-Trace-Bin": "AP8=", "Grpc-Metadata-Other-Bin": "AP8"}
    await ask("GET", BOOK, headers=headers)
    assert (toy.last.metadata["trace-bin"], toy.last.metadata["other-bin"]) == (b"\x00\xff",) * 2


@pytest.mark.rule(44, refuses=True)
@pytest.mark.parametrize(
    "key",
    [
        "Authorization",
        "Grpc-Timeout",
        "Host",
        "X-Weft-Principal",
        "X-Weft-Peer",
        "X-Request-Id",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Weft-Client-Address",
        "Grpcgateway-Cookie",
        "Cookie",
        ":path",
        "User-Agent",
        "Kéy",
        "a b",
        "a/b",
        "",
    ],
)
async def test_reserved_keys_cannot_be_set(ask: Client, toy: Toy, key: str) -> None:
    await ask("GET", BOOK, headers={f"Grpc-Metadata-{key}": "forged"})
    assert "forged" not in [value for _, value in toy.last.pairs]


@pytest.mark.rule(44, refuses=True)
async def test_bad_values_are_dropped_or_refused(ask: Client, toy: Toy) -> None:
    headers = {
        "Grpc-Metadata-X-A": "caf\xe9",
        "Grpc-Metadata-X-B": "a\tb",
        "Grpc-Metadata-X-C": "c",
    }
    await ask("GET", BOOK, headers=headers)
    assert [key for key, _ in toy.last.pairs if key in ("x-a", "x-b", "x-c")] == ["x-c"]
    reply = await ask("GET", BOOK, headers={"Grpc-Metadata-X-Bin": "*"})
    assert (reply.status, reply.reason) == (400, "MALFORMED_HEADER")


@pytest.mark.rule(45)
async def test_trusted_proxies_speak_for_their_clients(server: Upstream, toy: Toy) -> None:
    policy = Policy(proxies=(ipaddress.ip_network("192.0.2.0/24"),))
    ask = Client(toys.gateway(server, policy=policy))
    headers = {"X-Forwarded-For": "203.0.113.5, 192.0.2.9", "X-Forwarded-Host": "weft.example.com"}
    await ask("GET", BOOK, headers=headers)
    assert toy.last.metadata["x-forwarded-for"] == "203.0.113.5, 192.0.2.9, 192.0.2.7"
    assert toy.last.metadata["x-weft-client-address"] == "203.0.113.5"


@pytest.mark.rule(45, refuses=True)
async def test_others_speak_for_themselves(ask: Client, toy: Toy) -> None:
    headers = {"X-Forwarded-For": "203.0.113.5", "X-Forwarded-Host": "evil.example"}
    await ask("GET", BOOK, headers=headers)
    assert toy.last.metadata["x-forwarded-for"] == "192.0.2.7"
    assert toy.last.metadata["x-weft-client-address"] == "192.0.2.7"
    assert toy.last.metadata["x-forwarded-host"] == "weft.example"


@pytest.mark.rule(45, refuses=True)
async def test_a_client_cannot_speak_through_a_proxy(server: Upstream, toy: Toy) -> None:
    policy = Policy(proxies=(ipaddress.ip_network("192.0.2.0/24"),))
    ask = Client(toys.gateway(server, policy=policy))
    await ask("GET", BOOK, headers={"X-Forwarded-For": "10.0.0.1, 203.0.113.5"})
    assert toy.last.metadata["x-weft-client-address"] == "203.0.113.5"


@pytest.mark.rule(46)
@pytest.mark.parametrize(
    ("sent", "least", "most"),
    [(None, 20, 30), ("5S", 1, 5), ("1H", 200, 300), ("90000m", 50, 90), ("99999999H", 200, 300)],
)
async def test_deadlines(
    ask: Client, toy: Toy, sent: str | None, least: float, most: float
) -> None:
    await ask("GET", BOOK, headers={"grpc-timeout": sent} if sent else {})
    assert toy.last.time_remaining is not None
    # gRPC rounds deadlines up on their way.
    assert least < toy.last.time_remaining < most * 1.02


@pytest.mark.rule(46)
async def test_time_runs_out(ask: Client, toy: Toy) -> None:
    reply = await ask("GET", "/v1/wait", headers={"grpc-timeout": "50m"})
    assert (reply.status, reply.json["code"]) == (504, 4)
    await toy.cancelled.wait()


@pytest.mark.rule(46, refuses=True)
@pytest.mark.parametrize("sent", ["5", "S", "-1S", "1.5S", "5s", "999999999S", " 5S", "5D", ""])
async def test_malformed_deadlines_are_refused(ask: Client, toy: Toy, sent: str) -> None:
    for target in (BOOK, f"{BOOK}:watch"):
        reply = await ask("GET", target, headers={"grpc-timeout": sent})
        assert (reply.status, reply.reason) == (400, "MALFORMED_TIMEOUT")
    assert toy.seen == []


@pytest.mark.rule(46)
async def test_the_default_deadline_is_a_setting(server: Upstream, toy: Toy) -> None:
    ask = Client(toys.gateway(server, limits=Limits(unary_s=0.05)))
    assert (await ask("GET", "/v1/wait")).status == 504


@pytest.mark.rule(47)
async def test_request_ids_travel_both_ways(ask: Client, toy: Toy) -> None:
    reply = await ask("GET", BOOK, headers={"x-request-id": "r-1"})
    assert (reply.headers["x-request-id"], toy.last.metadata["x-request-id"]) == ("r-1", "r-1")
    first, second = await ask("GET", BOOK), await ask("GET", "/nope")
    assert first.headers["x-request-id"] == toy.last.metadata["x-request-id"]
    assert first.headers["x-request-id"] != second.headers["x-request-id"]


@pytest.mark.rule(47, refuses=True)
@pytest.mark.parametrize("sent", ["", "a b", "caf\xe9", "x" * 500, '{"a":1}'])
async def test_a_request_id_that_harms_logs_is_replaced(ask: Client, toy: Toy, sent: str) -> None:
    reply = await ask("GET", BOOK, headers={"x-request-id": sent})
    assert reply.headers["x-request-id"] not in ("", sent)
    assert toy.last.metadata["x-request-id"] == reply.headers["x-request-id"]

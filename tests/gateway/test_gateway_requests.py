"""Rules 13-24: request bodies and the JSON dialect."""

import json
from typing import Any

import pytest
from google.protobuf import json_format

from gateway.bodies import read_body
from gateway.errors import Refused
from tests.gateway.toy import CONTRACT, Client, Toy, b64, new

BOOK = "/v1/shelves/1/books/2"


async def echo(ask: Client, body: Any) -> Any:
    """What the service answers, after it got exactly this body."""
    reply = await ask("POST", "/v1/echo", json_body=body)
    assert reply.status == 200, reply.body
    return reply.json


async def refused(ask: Client, body: Any, *, field: str | None = None) -> str:
    """The description of the violation with which the body is refused."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    reply = await ask("POST", "/v1/echo", body=raw, headers={"content-type": "application/json"})
    assert (reply.status, reply.json["code"]) == (400, 3), reply.body
    details = reply.json["details"]
    if field is not None:
        assert details[1]["fieldViolations"][0]["field"] == field
    return str(reply.json["message"])


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


@pytest.mark.rule(21)
async def test_integers(ask: Client) -> None:
    top = 2**64 - 1
    answer = await echo(
        ask,
        {"large": "-9223372036854775808", "largeUnsigned": top, "small": "7", "largeFixed": 1.0},
    )
    assert answer["large"] == "-9223372036854775808"
    assert (answer["largeUnsigned"], answer["small"], answer["largeFixed"]) == (str(top), 7, "1")
    assert (await echo(ask, {"large": 1e3, "small": "1e2"}))["large"] == "1000"


@pytest.mark.rule(21, refuses=True)
@pytest.mark.parametrize("name", ["small", "large", "smallUnsigned", "largeUnsigned", "larges"])
@pytest.mark.parametrize(
    "value",
    [
        True,
        False,
        1.5,
        "1.5",
        "",
        " 1",
        "1 ",
        "+1",
        "0x1",
        "1_0",
        "x",
        2**64,
        "-1e40",
        {},
        [[]],
        "٣",
        "1e999999999",
        "9" * 5000,
    ],
)
async def test_what_is_no_integer_of_the_range_is_refused(
    ask: Client, name: str, value: Any
) -> None:
    await refused(ask, {name: [value] if name == "larges" else value})


@pytest.mark.rule(21, refuses=True)
async def test_endless_integers_are_refused(ask: Client) -> None:
    await refused(ask, b'{"large":' + b"9" * 5000 + b"}")


@pytest.mark.rule(22)
async def test_enums(ask: Client) -> None:
    assert (await echo(ask, {"colour": "COLOUR_RED"}))["colour"] == "COLOUR_RED"
    assert (await echo(ask, {"colour": 2}))["colour"] == "COLOUR_BLUE"
    answer = await echo(ask, {"colour": 77, "colours": [1, "COLOUR_BLUE", -5]})
    assert (answer["colour"], answer["colours"]) == (77, ["COLOUR_RED", "COLOUR_BLUE", -5])


@pytest.mark.rule(22, refuses=True)
@pytest.mark.parametrize("value", ["GREEN", "colour_red", "", "1", 1.5, True, 2**31, {}, []])
async def test_unknown_enum_names_are_refused(ask: Client, value: Any) -> None:
    await refused(ask, {"colour": value})
    await refused(ask, {"colours": [value]})
    await refused(ask, {"byName": {"k": value}})


@pytest.mark.rule(23)
@pytest.mark.parametrize("text", ["+/8=", "+/8", "-_8=", "-_8"])
async def test_bytes_in_either_alphabet(ask: Client, toy: Toy, text: str) -> None:
    assert (await echo(ask, {"data": text}))["data"] == "+/8="
    assert toy.last.request.data == b"\xfb\xff"


@pytest.mark.rule(23)
async def test_numbers_beyond_json_are_strings(ask: Client) -> None:
    sent = {"number": "NaN", "single": "-Infinity", "singles": ["Infinity", 0.1, "1.5"]}
    answer = await echo(ask, sent)
    assert (answer["number"], answer["single"]) == ("NaN", "-Infinity")
    assert answer["singles"] == ["Infinity", 0.1, 1.5]


@pytest.mark.rule(23, refuses=True)
@pytest.mark.parametrize(
    "body",
    [
        b'{"number":NaN}',
        b'{"number":Infinity}',
        b'{"number":-Infinity}',
        b'{"number":1e999}',
        b'{"number":"nan"}',
        b'{"number":"inf"}',
        b'{"number":true}',
        b'{"number":""}',
        b'{"single":1e39}',
        b'{"single":"1e39"}',
        b'{"value":1e999}',
        b'{"number":"1e999"}',
        b'{"data":"+/8=="}',
        b'{"data":"a"}',
        b'{"data":"a*b="}',
        b'{"data":"====" }',
        b'{"data":1}',
        b'{"data":"YQ=\\n"}',
        b'{"text":"\\ud800"}',
        b'{"labels":{"\\udc00":""}}',
        b'{"struct":{"\\ud800":1}}',
        b'{"value":"\\ud800"}',
        b'{"text":7}',
        b'{"flag":"true"}',
    ],
)
async def test_values_that_do_not_fit_are_refused(ask: Client, body: bytes) -> None:
    await refused(ask, body)


@pytest.mark.rule(24)
async def test_well_known_types(ask: Client) -> None:
    sent = {
        "time": "2024-05-01T14:00:00.25+02:00",
        "duration": "1.5s",
        "mask": "text,child.largeSigned",
        "struct": {"a": [1, None, {"b": "c"}]},
        "list": [1, "x", None],
        "textWrapper": "",
        "largeWrapper": "5",
        "flagWrapper": False,
        "dataWrapper": b64(b"x"),
        "nothing": {},
        "durations": {"k": "-3s"},
        "any": {"@type": "type.googleapis.com/toy.v1.Author", "displayName": "Ada"},
    }
    answer = await echo(ask, sent)
    assert answer["time"] == "2024-05-01T12:00:00.250Z"
    assert answer["duration"] == "1.500s"
    assert answer["any"] == {**sent["any"], "birthYear": 0}
    for name in sent.keys() - {"time", "duration", "any"}:
        assert answer[name] == sent[name]


@pytest.mark.rule(24)
async def test_any_of_a_well_known_type(ask: Client) -> None:
    sent = {"@type": "type.googleapis.com/google.protobuf.Duration", "value": "3s"}
    assert (await echo(ask, {"any": sent}))["any"] == sent
    assert (await echo(ask, {"any": {}}))["any"] == {}


@pytest.mark.rule(24, refuses=True)
@pytest.mark.parametrize(
    "body",
    [{"time": value} for value in ("", "2024-05-01", "2024-05-01T12:00:00", "0000-01-01T00:00:00Z")]
    + [{"time": "2024-13-01T00:00:00Z"}, {"time": "2024-05-01t12:00:00Z"}, {"time": 5}]
    + [{"time": "9999-12-31T23:59:59-10:00"}, {"time": "2024-05-01T12:00:00.1234567891Z"}]
    + [{"duration": value} for value in ("", "1", "1h", "s", "1.s", "99999999999999s", 1, "1e3s")]
    + [{"mask": value} for value in ("snake_case", 1, ["text"], "a b")]
    + [{"struct": []}, {"list": {}}, {"nothing": {"a": 1}}, {"nothing": []}]
    + [{"textWrapper": {"value": "x"}}, {"flagWrapper": "true"}, {"largeWrapper": "x"}]
    + [{"any": {"displayName": "x"}}, {"any": {"@type": "nobody.Knows"}}, {"any": {"@type": 1}}]
    + [{"any": {"@type": "type.googleapis.com/toy.v1.Nobody"}}, {"any": []}]
    + [{"any": {"@type": "type.googleapis.com/toy.v1.Author", "nope": 1}}]
    + [{"any": {"@type": "type.googleapis.com/google.protobuf.Duration"}}]
    + [{"left": "a", "middle": "1"}, {"byFlag": {"yes": 1}}, {"byNumber": {"x": {}}}]
    + [{"byNumber": {"1": {}, "01": {}}}, {"labels": []}, {"texts": "x"}, {"children": {}}],
)
async def test_malformed_well_known_values_are_refused(ask: Client, body: Any) -> None:
    await refused(ask, body)


def test_the_contract_prints_and_parses_alike() -> None:
    # The toy's own round trip is what the other tests lean on.
    message = new("Everything", text="x", child=new("Everything", maybe=0))
    printed = json_format.MessageToDict(message, descriptor_pool=CONTRACT.pool)
    assert printed == {"text": "x", "child": {"maybe": 0}}

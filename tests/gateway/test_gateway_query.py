"""Rules 25-34: query strings."""

from typing import Any
from urllib.parse import quote, urlencode

import pytest

from tests.gateway.toy import Client, Toy, new

ECHO = "/v1/echo"


async def got(ask: Client, toy: Toy, query: str) -> Any:
    """The message that the service got for a query."""
    reply = await ask("GET", f"{ECHO}?{query}")
    assert reply.status == 200, reply.body
    return toy.last.request


async def refused(ask: Client, toy: Toy, query: str, path: str = ECHO) -> str:
    """The message with which a query is refused before any service hears of it."""
    reply = await ask("GET", f"{path}?{query}")
    assert (reply.status, reply.json["code"]) == (400, 3), reply.body
    assert toy.seen == []
    return str(reply.json["message"])


@pytest.mark.rule(25)
async def test_parameters_fill_what_path_and_body_leave(ask: Client, toy: Toy) -> None:
    await ask("POST", "/v1/shelves/1/books?bookId=dune", json_body={"title": "Dune"})
    assert toy.last.request.book_id == "dune"
    await ask("GET", "/v1/shelves/1/books?pageSize=5&page_token=x")
    assert (toy.last.request.page_size, toy.last.request.page_token) == (5, "x")


@pytest.mark.rule(25, refuses=True)
@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("POST", "/v1/echo?text=x"),
        ("POST", "/v1/shelves/1/books/2:lend?borrower=x"),
        ("POST", "/v1/shelves/1/books?book.title=x"),
        ("POST", "/v1/shelves/1/books?parent=shelves/2"),
        ("POST", "/v1/shelves/1/books?book=x"),
        ("PATCH", "/v1/shelves/1/books/2?book.name=x"),
    ],
)
async def test_covered_fields_are_no_parameters(
    ask: Client, toy: Toy, method: str, target: str
) -> None:
    reply = await ask(method, target, json_body={})
    assert (reply.status, reply.reason) == (400, "NOT_A_PARAMETER")
    assert toy.seen == []


@pytest.mark.rule(26)
async def test_dotted_paths_by_either_name(ask: Client, toy: Toy) -> None:
    request = await got(ask, toy, "child.child.largeSigned=4&child.large_unsigned=5&aka=r")
    assert (request.child.child.large_signed, request.child.large_unsigned) == (4, 5)
    assert request.renamed == "r"


@pytest.mark.rule(26, refuses=True)
@pytest.mark.parametrize(
    "name",
    [
        "nope",
        "child.nope",
        "text.x",
        "child..text",
        ".text",
        "child.",
        "",
        "texts.x",
        "time.seconds",
        "labels.key",
        "children.text",
        "TEXT",
        "struct.a",
        "textWrapper.value",
        "any.typeUrl",
    ],
)
async def test_unknown_names_are_refused(ask: Client, toy: Toy, name: str) -> None:
    assert name in await refused(ask, toy, f"{name}=1")


@pytest.mark.rule(27)
async def test_lists_keep_their_order_and_commas(ask: Client, toy: Toy) -> None:
    request = await got(ask, toy, "texts=a&texts=b,c&larges=2&larges=1&colours=1&texts=")
    assert list(request.texts) == ["a", "b,c", ""]
    assert list(request.larges) == [2, 1]
    assert list(request.colours) == [1]


@pytest.mark.rule(27, refuses=True)
@pytest.mark.parametrize("query", ["children=x", "times=2024-05-01T12:00:00Z", "larges=1,2"])
async def test_lists_of_messages_do_not_fit(ask: Client, toy: Toy, query: str) -> None:
    await refused(ask, toy, query)


@pytest.mark.rule(28)
async def test_maps_by_brackets(ask: Client, toy: Toy) -> None:
    query = "labels[a]=1&labels[b.c]=2&labels[]=e&byFlag[true]=7&by_name[k]=COLOUR_RED"
    request = await got(ask, toy, f"{query}&durations[d]=90s&child.labels%5Bx%5D=y&metadata[m]=[1]")
    assert dict(request.labels) == {"a": "1", "b.c": "2", "": "e"}
    assert dict(request.by_flag) == {True: 7}
    assert dict(request.by_name) == {"k": 1}
    assert request.durations["d"].seconds == 90
    assert request.child.labels["x"] == "y"
    assert request.metadata["m"].list_value.values[0].number_value == 1


@pytest.mark.rule(28, refuses=True)
@pytest.mark.parametrize(
    "query",
    [
        "labels=a",
        "labels[a]=1&labels[a]=2",
        "labels[a=1",
        "labels[a]b=1",
        "text[a]=1",
        "byFlag[x]=1",
        "byFlag[true]=x",
        "byNumber[1]=x",
        "byNumber[1].text=x",
        "texts[0]=a",
        "child[a]=1",
        "byNumber[x]=",
        "durations[d]=x",
        "labels]a[=1",
    ],
)
async def test_malformed_maps_are_refused(ask: Client, toy: Toy, query: str) -> None:
    await refused(ask, toy, query)


@pytest.mark.rule(29)
async def test_one_member_of_a_oneof(ask: Client, toy: Toy) -> None:
    assert (await got(ask, toy, "left=a")).left == "a"
    assert (await got(ask, toy, "right.text=a&right.small=1")).right.small == 1


@pytest.mark.rule(29, refuses=True)
@pytest.mark.parametrize(
    "query",
    [
        "text=a&text=b",
        "text=a&text=a",
        "largeSigned=1&large_signed=1",
        "left=a&middle=1",
        "left=a&right.text=b",
        "child.left=a&child.middle=1",
        "time=2024-05-01T12:00:00Z&time=",
    ],
)
async def test_second_values_are_refused(ask: Client, toy: Toy, query: str) -> None:
    await refused(ask, toy, query)


@pytest.mark.rule(30)
async def test_text_forms_of_scalars(ask: Client, toy: Toy) -> None:
    for text in ("1", "t", "T", "TRUE", "true", "True"):
        assert (await got(ask, toy, f"flag={text}")).flag
    for text in ("0", "f", "F", "FALSE", "false", "False"):
        assert not (await got(ask, toy, f"flag={text}")).flag
    request = await got(ask, toy, "large=-7&number=1e3&single=.5&maybe=0")
    assert (request.large, request.number, request.single) == (-7, 1000, 0.5)
    assert request.HasField("maybe")
    for text, value in (
        ("Infinity", float("inf")),
        ("-inf", -float("inf")),
        ("%2BInf", float("inf")),
    ):
        assert (await got(ask, toy, f"number={text}")).number == value


@pytest.mark.rule(30, refuses=True)
@pytest.mark.parametrize(
    "query",
    [
        "flag=yes",
        "flag=tRUE",
        "flag=2",
        "large=1e3",
        "large=1.0",
        "large=0x1",
        "large=%2B1",
        "large=9223372036854775808",
        "smallUnsigned=-1",
        "number=1_0",
        "number=x",
        "number=0x1p-2",
        "single=1e39",
        "number=1e999",
        "large=1 ",
        "number=infinit",
        "large=%D9%A3",
    ],
)
async def test_other_forms_are_refused(ask: Client, toy: Toy, query: str) -> None:
    await refused(ask, toy, query)


@pytest.mark.rule(31)
async def test_enums_by_name_or_declared_number(ask: Client, toy: Toy) -> None:
    assert (await got(ask, toy, "colour=COLOUR_RED")).colour == 1
    assert (await got(ask, toy, "colour=2")).colour == 2


@pytest.mark.rule(31, refuses=True)
@pytest.mark.parametrize("text", ["3", "-1", "RED", "colour_red", "", "1.0", "01x"])
async def test_other_enum_values_are_refused(ask: Client, toy: Toy, text: str) -> None:
    await refused(ask, toy, f"colour={text}")


@pytest.mark.rule(32)
async def test_times_durations_and_masks(ask: Client, toy: Toy) -> None:
    request = await got(
        ask, toy, "time=2024-05-01T14:00:00%2B02:00&mask=text,child.largeSigned,a_b"
    )
    assert request.time.ToJsonString() == "2024-05-01T12:00:00Z"
    assert list(request.mask.paths) == ["text", "child.large_signed", "a_b"]
    for text, milliseconds in (
        ("90s", 90_000),
        ("1h30m", 5_400_000),
        ("1.5s", 1500),
        ("-2ms", -2),
        ("1m0.5s", 60_500),
        ("1.5h", 5_400_000),
    ):
        assert (await got(ask, toy, f"duration={text}")).duration.ToMilliseconds() == milliseconds
    assert (await got(ask, toy, f"duration={quote('3µs')}")).duration.nanos == 3000


@pytest.mark.rule(32, refuses=True)
@pytest.mark.parametrize(
    "query",
    [
        "time=2024-05-01",
        "time=2024-05-01T14:00:00+02:00",
        "time=",
        "duration=",
        "duration=1",
        "duration=1d",
        "duration=s",
        "duration=1h 30m",
        "duration=99999999h99999999h",
        "mask=a b",
        "duration=999999999999999999h",
        "mask=text&mask=flag",
        "time=9999-12-31T23:59:59-01:00",
    ],
)
async def test_malformed_times_are_refused(ask: Client, toy: Toy, query: str) -> None:
    await refused(ask, toy, query)


@pytest.mark.rule(33)
async def test_wrappers_json_values_and_bytes(ask: Client, toy: Toy) -> None:
    query = urlencode(
        {"textWrapper": "", "largeWrapper": "5", "flagWrapper": "t", "dataWrapper": "-_8"}
        | {"struct": '{"a":[1,null]}', "value": "null", "list": "[1]", "data": "+/8="}
    )
    request = await got(ask, toy, query)
    assert request.HasField("text_wrapper")
    assert (request.large_wrapper.value, request.flag_wrapper.value) == (5, True)
    assert (request.data, request.data_wrapper.value) == (b"\xfb\xff", b"\xfb\xff")
    assert dict(request.struct)["a"][0] == 1
    assert request.value.HasField("null_value")
    assert request.list.values[0].number_value == 1


@pytest.mark.rule(33, refuses=True)
@pytest.mark.parametrize(
    "query",
    [
        "child=x",
        "child=%7B%7D",
        "any=x",
        "nothing=",
        "struct=x",
        "struct=[]",
        "value=",
        "list=1",
        "largeWrapper=",
        "data=a",
        "data=a*b=",
        "struct=%7B%22a%22:1,%22a%22:2%7D",
        "value=NaN",
    ],
)
async def test_other_messages_are_refused(ask: Client, toy: Toy, query: str) -> None:
    await refused(ask, toy, query)


@pytest.mark.rule(34)
async def test_plus_is_a_space_and_empty_is_empty(ask: Client, toy: Toy) -> None:
    request = await got(ask, toy, "text=a+b%2Bc&renamed=&&child.text")
    assert (request.text, request.renamed) == ("a b+c", "")
    assert request.child == new("Everything")
    many = "&".join(f"texts={n}" for n in range(100))
    assert len((await got(ask, toy, many)).texts) == 100


@pytest.mark.rule(34, refuses=True)
@pytest.mark.parametrize(
    "query", ["large=", "number=", "flag=", "text=%", "text=%ff", "%zz=1", "text=%c3", "text=\xe9"]
)
async def test_malformed_text_is_refused(ask: Client, toy: Toy, query: str) -> None:
    await refused(ask, toy, query)


@pytest.mark.rule(34, refuses=True)
async def test_long_queries_are_refused(ask: Client, toy: Toy) -> None:
    await refused(ask, toy, "&".join(f"texts={n}" for n in range(101)))
    reply = await ask("GET", f"{ECHO}?text={'x' * 8192}")
    assert (reply.status, reply.json["code"], reply.reason) == (414, 3, "URL_TOO_LONG")
    assert (await ask("GET", f"/v1/{'x' * 9000}")).status == 414
    assert toy.seen == []

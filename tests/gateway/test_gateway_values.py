"""Rules 21-24: values in JSON."""

from typing import Any

import pytest

from tests.gateway.echoes import echo, refused
from tests.gateway.toy import Client, Toy, b64


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

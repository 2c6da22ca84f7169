"""What is pure of webhooks: bodies, signatures and filters."""

import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshkit.errors import InvalidArgument
from meshkit.standard_webhooks import VerificationError
from workspace.webhooks import filters, payloads
from workspace.webhooks.signatures import SCHEMES, Message

# GitHub's own example, from its page on validating deliveries.
SECRET = "It's a Secret to Everybody"
BODY = b"Hello, World!"
SIGNATURE = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
NOW = 1_700_000_000


def hexdigest(secret: str, signed: bytes) -> str:
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def of_github(signature: str, *secrets: str, body: bytes = BODY, **headers: str) -> Any:
    given_headers = {"x-hub-signature-256": signature, **headers}
    return SCHEMES["GITHUB"](secrets or [SECRET], {}, Message(given_headers, body, NOW))


def test_githubs_own_example_is_right() -> None:
    origin = of_github(SIGNATURE, **{"x-github-event": "push", "x-github-delivery": "72d3"})
    assert (origin.delivery_id, origin.event_type) == ("72d3", "push")
    assert of_github(SIGNATURE, "new", SECRET).delivery_id == hashlib.sha256(BODY).hexdigest()
    assert of_github(SIGNATURE.replace("e17", "E17")).event_type == ""


@pytest.mark.parametrize(
    "signature",
    ["", "sha256=", SIGNATURE.removeprefix("sha256="), SIGNATURE[:-1], f"{SIGNATURE}0", "sha256=ä"],
)
def test_other_signatures_are_not(signature: str) -> None:
    with pytest.raises(VerificationError):
        of_github(signature)
    with pytest.raises(VerificationError):
        of_github(SIGNATURE, "another")
    with pytest.raises(VerificationError):
        of_github(SIGNATURE, body=BODY + b" ")


def of_hmac(time: str, signed: bytes, *, secret: str = SECRET, prefix: str = "") -> Any:
    names = {"signature": "x-sign", "timestamp": "x-time", "id": "x-id", "event_type": "x-kind"}
    headers = {"x-sign": prefix + hexdigest(secret, signed), "x-time": time, "x-kind": "built"}
    return SCHEMES["HMAC"]([SECRET], names, Message(headers, BODY, NOW))


def test_a_plain_hmac_signs_time_and_body() -> None:
    signed = f"{NOW}.".encode() + BODY
    origin = of_hmac(str(NOW), signed)
    assert origin == of_hmac(str(NOW), signed, prefix="sha256=")
    assert (origin.delivery_id, origin.event_type) == (hashlib.sha256(signed).hexdigest(), "built")
    for time in (NOW - 301, NOW + 301):
        with pytest.raises(VerificationError):
            of_hmac(str(time), f"{time}.".encode() + BODY)
    for time in ("", "x", "-1", "٣", "9" * 10_000):
        with pytest.raises(VerificationError):
            of_hmac(time, f"{time}.".encode() + BODY)
    with pytest.raises(VerificationError):
        of_hmac(str(NOW), BODY)


HOSTILE = {
    "no JSON": b"ref=main",
    "empty": b"",
    "no object": b"[]",
    "text": b'"x"',
    "null": b"null",
    "NaN": b'{"a": NaN}',
    "infinite": b'{"a": 1e999}',
    "beyond 64 bits": b'{"a": 9223372036854775808}',
    "a million digits": b'{"a": ' + b"9" * 1_000_000 + b"}",
    "a float of many digits": b'{"a": 0.' + b"1" * 1_000_000 + b"}",
    "a name twice": b'{"a": 1, "a": 2}',
    "a name twice inside": b'{"a": {"b": 1, "b": 2}}',
    "no UTF-8": b'{"a": "\xff"}',
    "half of a pair": b'{"a": "\\ud800"}',
    "half of a pair in a name": b'{"\\udfff": 1}',
    "a NUL": b'{"a": "\\u0000"}',
    "deep": b'{"a":' * 65 + b"1" + b"}" * 65,
    "deep lists": b'{"a": ' + b"[" * 500_000 + b"]" * 500_000 + b"}",
    "deep and open": b'{"a":' * 200_000,
    "with a mark": b"\xef\xbb\xbf{}",
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_hostile_bodies_are_refused(body: bytes) -> None:
    with pytest.raises(InvalidArgument) as refused:
        payloads.parse(body)
    assert refused.value.reason == "INVALID_PAYLOAD"
    assert len(refused.value.message) < 200


_NAMES = st.from_regex(r"\A\w{1,8}\Z")
_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.from_regex(r"\A\w{1,8}\Z"), inner)
    ),
    max_leaves=20,
)


@settings(max_examples=50)
@given(st.dictionaries(_NAMES, _JSON))
def test_plain_bodies_are_read_as_they_are(body: dict[str, Any]) -> None:
    assert payloads.parse(json.dumps(body).encode()) == body
    assert payloads.parse(json.dumps(body, ensure_ascii=False).encode()) == body


EVENT = {
    "type": "push",
    "delivery": "72d3",
    "payload": {
        "ref": "refs/heads/main",
        "forced": False,
        "number": 7,
        "size": 0.5,
        "id": 9007199254740993,
        "empty": "",
        "nothing": None,
        "sender": {"login": "ada", "admin": True},
        "commits": [{"message": "Fix", "files": ["a", "b"]}, {"message": "Add [skip]"}],
        "labels": ["gpu", "night"],
    },
}
HOLDS = [
    "",
    'event.type = "push"',
    'event.payload.ref = "refs/heads/main" AND event.type = push',
    'event.payload.ref = "refs/heads/*"',
    'event.payload.ref = "*/main"',
    'event.payload.ref:"heads"',
    "event.payload.ref != other",
    "event.payload.forced = false",
    "event.payload.number = 7 event.payload.number >= 7 event.payload.number < 7.5",
    "event.payload.number = 7.0",
    "event.payload.size = 0.5",
    "event.payload.id = 9007199254740993",
    "-event.payload.id = 9007199254740992",
    'event.payload.commits.message = "Fix"',
    'event.payload.commits.message:"[skip]"',
    "event.payload.commits.files = b",
    "event.payload.labels = gpu OR event.type = tag",
    "event.payload.labels:night",
    "event.payload.sender:login",
    "event.payload.sender.admin = true",
    "event.payload.sender:*",
    "-event.payload.absent:*",
    "event.payload.absent != x",
    'event.payload.absent = ""',
    'event.payload.empty = "" event.payload.nothing = ""',
    'event.payload.ref != ""',
]
HOLDS_NOT = [
    "event.type = tag",
    'event.payload.ref = "main"',
    "event.payload.forced = true",
    "event.payload.forced = 0",
    "event.payload.sender.admin = 1",
    "event.payload.number > 7",
    "event.payload.ref > 7",
    'event.payload.number = "07x"',
    "event.payload.labels != gpu",
    "event.payload.absent = x",
    "event.payload.ref.deeper = x",
    "event.payload.nothing:*",
    "NOT event.type = push",
]


@pytest.mark.parametrize("text", HOLDS)
def test_such_filters_hold(text: str) -> None:
    assert filters.compiled(text)({"event": EVENT})


@pytest.mark.parametrize("text", HOLDS_NOT)
def test_such_filters_do_not(text: str) -> None:
    assert not filters.compiled(text)({"event": EVENT})


@pytest.mark.parametrize(
    "text",
    [
        "ref = x",
        "event = x",
        "event.body = x",
        "event.payload.size > big",
        'event.payload.size > ""',
        "event.payload.size < 1*",
        "event.payload.time > now()",
        "event.payload.ref",
        "event.payload.a = 1 AND",
        "(" * 50,
        " ".join(["event.type = push"] * 21),
        "event.payload.ref = " + "x" * 2100,
    ],
)
def test_what_is_no_filter_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        filters.compiled(text)
    assert refused.value.reason == "INVALID_FILTER"

"""Rules 48-52: errors."""

from typing import Any

import grpc
import pytest

from gateway.upstreams import Upstream
from tests.gateway import toy as toys
from tests.gateway.toy import Client, Toy, b64, new

BOOK = "/v1/shelves/1/books/2"
CODES = {1: 499, 2: 500, 3: 400, 4: 504, 5: 404, 6: 409, 7: 403, 8: 429}
CODES |= {9: 400, 10: 409, 11: 400, 12: 501, 13: 500, 14: 503, 15: 500, 16: 401}


@pytest.mark.rule(48, refuses=True)
async def test_errors_have_the_shape_of_a_status(ask: Client) -> None:
    reply = await ask("GET", "/v1/fail/5?details=gone")
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["cache-control"] == "no-store"
    assert reply.json == {
        "code": 5,
        "message": "it failed well",
        "details": [
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "GONE",
                "domain": "weft.dev",
                "metadata": {},
            }
        ],
    }


@pytest.mark.rule(48)
@pytest.mark.rule(49)
async def test_a_plain_status_has_no_details(ask: Client) -> None:
    assert (await ask("GET", "/v1/fail/6")).json == {
        "code": 6,
        "message": "it failed",
        "details": [],
    }


@pytest.mark.rule(49, refuses=True)
@pytest.mark.parametrize("details", ["other-code", "broken"])
async def test_details_that_do_not_agree_are_left_out(ask: Client, details: str) -> None:
    reply = await ask("GET", f"/v1/fail/6?details={details}")
    assert reply.json == {"code": 6, "message": "it failed", "details": []}


@pytest.mark.rule(49)
async def test_unknown_details_keep_their_bytes(ask: Client, toy: Toy) -> None:
    reply = await ask("GET", "/v1/fail/6?details=unknown-type")
    unknown = {"@type": "type.googleapis.com/nobody.Knows", "value": b64(b"\x08\x01")}
    assert reply.json["details"] == [unknown]
    toy.answers["GetBook"] = new(
        "Book", attachment={"type_url": unknown["@type"], "value": b"\x08\x01"}
    )
    assert (await ask("GET", BOOK)).json["attachment"] == unknown


@pytest.mark.rule(50)
async def test_ok_is_200(ask: Client) -> None:
    assert (await ask("GET", BOOK)).status == 200


@pytest.mark.rule(50, refuses=True)
@pytest.mark.parametrize(("code", "status"), CODES.items())
async def test_codes_have_their_http_status(ask: Client, code: int, status: int) -> None:
    reply = await ask("GET", f"/v1/fail/{code}?details=x")
    assert (reply.status, reply.json["code"]) == (status, code)


@pytest.mark.rule(51)
async def test_retry_after(ask: Client) -> None:
    for code in (8, 14):
        reply = await ask("GET", f"/v1/fail/{code}?details=retry")
        assert reply.headers["retry-after"] == "3"
        assert reply.json["details"][0]["retryDelay"] == "2.500s"


@pytest.mark.rule(51, refuses=True)
async def test_401_says_nothing_of_its_own(ask: Client) -> None:
    reply = await ask("GET", "/v1/fail/16")
    assert reply.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert "retry-after" not in (await ask("GET", "/v1/fail/9?details=retry")).headers


@pytest.mark.rule(52, refuses=True)
async def test_faults_are_not_told(ask: Client) -> None:
    for code in (2, 13):
        reply = await ask("GET", f"/v1/fail/{code}?details=secret")
        request_id = reply.headers["x-request-id"]
        message = f"internal error; request id {request_id}"
        assert reply.json == {"code": code, "message": message, "details": []}


@pytest.mark.rule(52)
async def test_our_own_errors_say_whose_they_are(ask: Client) -> None:
    info = (await ask("GET", "/nope")).json["details"][0]
    assert (info["domain"], info["reason"]) == ("gateway.weft.dev", "ROUTE_NOT_FOUND")


@pytest.mark.rule(52, refuses=True)
async def test_addresses_inside_are_not_told() -> None:
    async with toys.upstream("127.0.0.1:1") as nowhere:
        reply = await Client(toys.gateway(nowhere))("GET", BOOK)
    assert (reply.status, reply.json["code"]) == (503, 14)
    assert b"127.0.0.1" not in reply.body


@pytest.mark.rule(52, refuses=True)
async def test_an_unexpected_exception_is_a_fault_without_text() -> None:
    class Broken:
        def unary_unary(self, *_: Any) -> Any:
            raise LookupError("a secret")

    broken = Upstream("broken", toys.NAMES, Broken, Broken)  # type: ignore[arg-type]
    reply = await Client(toys.gateway(broken))("GET", BOOK)
    assert (reply.status, reply.json["code"]) == (500, 13)
    assert b"secret" not in reply.body
    assert reply.headers["x-request-id"] in reply.json["message"]


def test_every_code_is_mapped() -> None:
    assert CODES.keys() == {code.value[0] for code in grpc.StatusCode} - {0}

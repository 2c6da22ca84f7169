"""Bodies sent to the toy's Echo, and what comes back."""

import json
from typing import Any

from tests.gateway.toy import Client


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

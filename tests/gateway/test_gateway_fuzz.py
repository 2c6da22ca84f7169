"""Whatever a client sends: never a 500, never a hang, always a well-formed answer."""

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.routes import RouteTable
from tests.gateway import toy as toys
from tests.gateway.test_gateway_json import LOOSE, NAMES
from tests.gateway.toy import SERVICES, Client

ROUTES = [route for route in RouteTable(SERVICES).routes if not route.is_stream]
METHODS = sorted({route.http_method for route in ROUTES} | {"HEAD", "OPTIONS", "LINK"})
# Fail and Wait do what they say.
SAFE = [r for r in ROUTES if r.rpc.name not in ("Fail", "Wait")]
LATIN = st.text(st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters="?#"))
SEGMENT = LATIN | st.sampled_from(["shelves", "books", "v1", "1", "%2F", "%", "..", "", "x:lend"])
PATHS = st.lists(SEGMENT, max_size=7).map(lambda parts: "/" + "/".join(parts))
KEYS = st.sampled_from([*NAMES, "labels[a]", "child.text", "child.", "byNumber[1]", "access_token"])
QUERIES = st.lists(st.tuples(KEYS | LATIN, LATIN), max_size=6).map(
    lambda pairs: "&".join(f"{key}={value}" for key, value in pairs)
)
BODIES = st.binary(max_size=60) | st.dictionaries(st.sampled_from(NAMES), LOOSE, max_size=4).map(
    lambda body: json.dumps(body).encode()
)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "content-type",
                "accept",
                "authorization",
                "grpc-timeout",
                "if-match",
                "if-none-match",
                "idempotency-key",
                "last-event-id",
                "grpc-metadata-x",
                "grpc-metadata-x-bin",
                "x-request-id",
                "x-forwarded-for",
                "cookie",
                "origin",
                "content-length",
            ]
        ),
        st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF), max_size=40)
        | st.sampled_from(["application/json", '"v1"', "5S", "1n", "0n", "99999999H"]),
    ),
    max_size=5,
)


@st.composite
def targets(draw: Any) -> str:
    """A path of a route with its wildcards filled, or any path."""
    if draw(st.booleans()):
        return str(draw(PATHS))
    route = draw(st.sampled_from(SAFE))
    filled = [draw(SEGMENT) if s in ("*", "**") else s for s in route.template.segments]
    verb = f":{route.template.verb}" if route.template.verb else ""
    return "/" + "/".join(filled) + verb


async def test_whatever_comes_gets_an_answer() -> None:
    """One service and one gateway for all examples: what an example breaks stays broken."""
    async with toys.serve() as toy, toys.upstream(toy.address) as server:
        ask = Client(toys.gateway(server))
        for method, target, body, headers in examples():
            reply = await ask(method, target, body=body, headers=headers)
            allowed = reply.status < 500 or reply.status in (501, 504)
            assert allowed, (method, target, body, headers, reply)
            if reply.status >= 400 and method != "HEAD":
                assert reply.json.keys() == {"code", "message", "details"}
        assert (await ask("GET", "/v1/shelves/1/books/2")).status == 200


def examples(count: int = 1000) -> list[tuple[Any, ...]]:
    """Requests that hypothesis thinks of; it cannot itself drive one event loop."""
    found: list[tuple[Any, ...]] = []

    @settings(max_examples=count, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.tuples(st.sampled_from(METHODS), targets(), QUERIES, BODIES, HEADERS, st.booleans()))
    def collect(one: tuple[str, str, str, bytes, list[tuple[str, str]], bool]) -> None:
        method, path, query, body, headers, is_json = one
        pairs = [("content-type", "application/json"), *headers] if is_json else headers
        found.append((method, f"{path}?{query}" if query else path, body, pairs))

    collect()
    return found

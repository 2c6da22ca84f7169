"""Rules 63-67: credentials, origins, health and the OpenAPI document."""

import asyncio
from typing import Any

import pytest
from google.api import annotations_pb2
from grpc_health.v1 import health_pb2

from gateway import openapi
from gateway.app import Gateway, Policy
from gateway.routes import RouteTable
from gateway.upstreams import Upstream, Upstreams
from meshkit.errors import NotFound, Unavailable
from tests.gateway import toy as toys
from tests.gateway.toy import CONTRACT, SERVICES, Client, Toy

BOOK = "/v1/shelves/1/books/2"
ORIGIN = "https://app.example"


@pytest.mark.rule(63)
async def test_the_header_is_the_credential(ask: Client, toy: Toy) -> None:
    headers = {"authorization": "Bearer real", "cookie": "__Host-weft_session=stolen"}
    await ask("GET", BOOK, headers=headers)
    assert toy.last.metadata["authorization"] == "Bearer real"


@pytest.mark.rule(63, refuses=True)
@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_a_cookie_never_goes_on_to_a_service(ask: Client, toy: Toy, method: str) -> None:
    await ask(method, BOOK, headers={"cookie": "__Host-weft_session=secret; a=b"})
    assert "authorization" not in toy.last.metadata
    assert not any("secret" in str(value) for _, value in toy.last.pairs)


@pytest.mark.rule(63, refuses=True)
@pytest.mark.parametrize(
    "query",
    [
        "access_token=x",
        "ACCESS_TOKEN=x",
        "refresh_token=x",
        "id_token=x",
        "authorization=Bearer",
        "pageToken=weft_pat_abc",
        "filter=weft_key_abc",
        "access%5Ftoken=x",
    ],
)
@pytest.mark.parametrize("path", ["/v1/shelves/1/books", "/healthz"])
async def test_tokens_in_urls_are_refused(ask: Client, toy: Toy, path: str, query: str) -> None:
    reply = await ask("GET", f"{path}?{query}")
    assert (reply.status, reply.reason, toy.seen) == (400, "TOKEN_IN_QUERY", [])


def with_origins(server: Upstream, *origins: str) -> Client:
    return Client(toys.gateway(server, policy=Policy(cors_origins=frozenset(origins))))


@pytest.mark.rule(64)
async def test_listed_origins_may_read(server: Upstream) -> None:
    ask = with_origins(server, ORIGIN)
    for target in (BOOK, "/nope", "/healthz"):
        headers = (await ask("GET", target, headers={"origin": ORIGIN})).headers
        assert headers["access-control-allow-origin"] == ORIGIN
        assert headers["access-control-allow-credentials"] == "true"
        assert headers["vary"] == "origin"
        for name in ("ETag", "Retry-After", "x-request-id", "Grpc-Metadata-x-weft-revision"):
            assert name in headers["access-control-expose-headers"]


@pytest.mark.rule(64)
async def test_preflights(server: Upstream, toy: Toy) -> None:
    ask = with_origins(server, ORIGIN)
    headers = {"origin": ORIGIN, "access-control-request-method": "PATCH"}
    reply = await ask("OPTIONS", BOOK, headers=headers)
    assert (reply.status, reply.body, toy.seen) == (204, b"", [])
    assert "PATCH" in reply.headers["access-control-allow-methods"]
    assert "authorization" in reply.headers["access-control-allow-headers"]


@pytest.mark.rule(64, refuses=True)
@pytest.mark.parametrize("origin", ["https://evil.example", "null", "https://app.example.evil", ""])
async def test_other_origins_may_not(server: Upstream, ask: Client, origin: str) -> None:
    sent = {"origin": origin, "access-control-request-method": "GET"}
    for client in (ask, with_origins(server, ORIGIN)):
        for method in ("GET", "OPTIONS"):
            headers = (await client(method, BOOK, headers=sent)).headers
            assert not any(name.startswith("access-control") for name in headers)
        assert (await client("OPTIONS", BOOK, headers=sent)).status == 405


@pytest.mark.rule(64, refuses=True)
async def test_any_origin_never_gets_credentials(server: Upstream) -> None:
    reply = await with_origins(server, "*")("GET", BOOK, headers={"origin": ORIGIN})
    assert reply.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in reply.headers


async def test_security_headers_stand_on_everything(ask: Client, server: Upstream) -> None:
    public = Client(toys.gateway(server, policy=Policy(is_public=True)))
    for target in (BOOK, "/nope", "/healthz", "/v1/file"):
        headers = (await ask("GET", target)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert "strict-transport-security" not in headers
        assert "strict-transport-security" in (await public("GET", target)).headers


@pytest.mark.rule(66)
async def test_health_of_a_service(ask: Client, toy: Toy) -> None:
    for target in ("/healthz", "/healthz?service=toy.v1.LibraryService", "/readyz"):
        assert (await ask("GET", target)).json == {"status": "SERVING"}


@pytest.mark.rule(66, refuses=True)
@pytest.mark.parametrize(
    "state",
    [health_pb2.HealthCheckResponse.NOT_SERVING, health_pb2.HealthCheckResponse.UNKNOWN],
)
async def test_what_does_not_serve_is_503(ask: Client, toy: Toy, state: Any) -> None:
    for name in ("readiness", "toy.v1.LibraryService"):
        await toy.health.set(name, state)
    for target in ("/healthz?service=toy.v1.LibraryService", "/readyz"):
        reply = await ask("GET", target)
        assert (reply.status, reply.json["code"], reply.reason) == (503, 14, "NOT_SERVING")


@pytest.mark.rule(66, refuses=True)
async def test_unknown_services_and_methods(ask: Client) -> None:
    reply = await ask("GET", "/healthz?service=nobody.Knows")
    assert (reply.status, reply.json["code"]) == (404, 5)
    assert (await ask("POST", "/readyz")).headers["allow"] == "GET, HEAD"
    async with toys.upstream("127.0.0.1:1") as nowhere:
        away = Client(toys.gateway(nowhere))
        assert (await away("GET", "/healthz")).status == 200
        assert (await away("GET", "/readyz")).status == 503


@pytest.mark.rule(67)
def test_every_route_is_one_operation() -> None:
    table = RouteTable(SERVICES)
    document = openapi.build(CONTRACT, table, version="1")
    described = {
        (method.upper(), path, operation["x-grpc-method"])
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }
    expected = {(r.http_method, openapi.openapi_path(r), r.rpc_path) for r in table.routes}
    assert described == expected
    assert len(expected) == len(table.routes)
    ids = [op["operationId"] for item in document["paths"].values() for op in item.values()]
    assert len(set(ids)) == len(ids)


@pytest.mark.rule(67)
def test_the_document_says_what_the_contract_says() -> None:
    document = openapi.build(CONTRACT, RouteTable(SERVICES), version="1")
    create = document["paths"]["/v1/shelves/{parent}/books"]["post"]
    assert create["description"] == "Creates a book."
    assert "201" in create["responses"]
    names = {parameter["name"]: parameter for parameter in create["parameters"]}
    assert names.keys() == {"parent", "bookId", "requestId"}
    book = document["components"]["schemas"]["toy.v1.Book"]
    title = book["properties"]["title"]
    assert (title["minLength"], title["maxLength"]) == (1, 200)
    assert title["description"] == "Title of the book."
    assert book["required"] == ["title"]
    assert book["properties"]["name"]["readOnly"] is True
    assert book["properties"]["pages"] == {
        "type": "string",
        "format": "int64",
        "description": "Number of pages.",
    }
    chapters = book["properties"]["chapters"]
    assert (chapters["maxItems"], chapters["items"]["pattern"]) == (50, "^(?:[^/]+)$")


@pytest.mark.rule(67)
async def test_the_document_is_served_and_whole(server: Upstream) -> None:
    document = openapi.build(CONTRACT, RouteTable(SERVICES), version="1")
    ask = Client(toys.gateway(server, pages={"/openapi.json": openapi.page(document)}))
    served = (await ask("GET", "/openapi.json")).json
    assert served == document
    assert _references(served) <= {
        f"#/components/schemas/{name}" for name in served["components"]["schemas"]
    }


def _references(value: Any) -> set[str]:
    if isinstance(value, list):
        return set().union(*(_references(item) for item in value))
    if not isinstance(value, dict):
        return set()
    own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
    return own.union(*(_references(item) for item in value.values()))


@pytest.mark.rule(67, refuses=True)
def test_what_is_not_served_is_not_described() -> None:
    document = openapi.build(CONTRACT, RouteTable(SERVICES), version="1")
    bound = {op["x-grpc-method"] for item in document["paths"].values() for op in item.values()}
    methods = [rpc for service in SERVICES for rpc in service.methods]
    for rpc in methods:
        annotated = rpc.GetOptions().HasExtension(annotations_pb2.http)
        path = f"/{rpc.containing_service.full_name}/{rpc.name}"
        assert (path in bound) == annotated


# Workspaces behind one origin (ruling 22).


class _Channel:
    """Stands where a channel is only compared, never used."""


def _workspaces(default: str = "") -> tuple[Upstreams, dict[str, Upstream]]:
    named = {
        name: Upstream(name, frozenset(("w.Runs",)), lambda: None, lambda: None)  # type: ignore[arg-type,return-value]
        for name in ("one", "two")
    }
    control = Upstream("controlplane", frozenset(("c.Auth",)), lambda: None, lambda: None)  # type: ignore[arg-type,return-value]
    upstreams = Upstreams([control], workspace_services=("w.Runs",), default_workspace=default)
    return upstreams, named


def test_workspaces_are_found_by_their_name() -> None:
    upstreams, named = _workspaces(default="two")
    upstreams.replace_workspaces(named)
    place = upstreams.place("/api/workspaces/one/v1/projects/p")
    assert (place.path, place.workspace) == ("/api/workspace/v1/projects/p", "one")
    assert upstreams.server_of("w.Runs", "one") is named["one"]
    assert upstreams.server_of("w.Runs") is named["two"]
    assert upstreams.server_of("c.Auth").name == "controlplane"


def test_the_only_workspace_is_the_default_one() -> None:
    upstreams, named = _workspaces()
    with pytest.raises(Unavailable):
        upstreams.server_of("w.Runs")
    upstreams.replace_workspaces({"one": named["one"]})
    assert upstreams.server_of("w.Runs") is named["one"]
    upstreams.replace_workspaces(named)
    with pytest.raises(Unavailable):
        upstreams.server_of("w.Runs")


@pytest.mark.parametrize("path", ["/api/workspaces/", "/api/workspaces/one", "/api/workspaces//v1"])
def test_a_path_without_a_workspace_stays_as_it_is(path: str) -> None:
    assert _workspaces()[0].place(path).path == path


def test_a_workspace_serves_no_service_of_others() -> None:
    upstreams, named = _workspaces()
    upstreams.replace_workspaces(named)
    for service, workspace in (("w.Runs", "three"), ("c.Auth", "one")):
        with pytest.raises(NotFound):
            upstreams.server_of(service, workspace)


async def test_the_app_refuses_what_is_not_http(app: Gateway) -> None:
    with pytest.raises(RuntimeError):
        await app({"type": "lifespan"}, asyncio.Event().wait, asyncio.Event().wait)  # type: ignore[arg-type]

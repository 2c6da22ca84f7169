"""The same hostility through the gateway: HTTP in, the same refusals out, as google.rpc.Status."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

import weftapi
from gateway.app import Gateway
from gateway.contract import Contract
from gateway.mesh import connect
from gateway.routes import RouteTable
from gateway.upstreams import Upstreams
from meshkit.channels import Channels
from meshkit.credentials import Credentials, write_files
from meshkit.spiffe import Role, SpiffeId
from meshkit.tokens import UNAUTHENTICATED_MESSAGE
from tests.controlplane.harness import GATEWAY
from tests.gateway.toy import Client, Reply
from tests.hostile.world import CONTROL_PLANE, WORKSPACE, World, world
from tests.workspace import harness as workspaces

RUNS = "/api/workspace/v1/projects/demo/runs"
RUN = f"{RUNS}/first"
PROJECTS = "/api/workspace/v1/projects"
MEMBERS = "/api/controlplane/v1/organizations/default/members"
USERS = "/api/controlplane/v1/organizations/default/users"
# One of each kind of method, as (verb, address, body).
EACH_KIND: list[tuple[str, str, Any]] = [
    ("GET", RUN, None),
    ("GET", RUNS, None),
    ("POST", RUNS, {"pipeline": "projects/demo/pipelines/train"}),
    ("PATCH", f"{PROJECTS}/demo", {"displayName": "x"}),
    ("DELETE", f"{PROJECTS}/demo", None),
    ("POST", f"{RUN}:stop", {}),
    ("GET", f"{RUN}:watch", None),
    ("GET", MEMBERS, None),
    ("POST", USERS, {"email": "x@example.com"}),
    ("GET", "/api/controlplane/v1/organizations/default", None),
]
each_kind = pytest.mark.parametrize(("verb", "url", "body"), EACH_KIND)


@dataclass
class Front:
    """A gateway before the servers, and its clients."""

    hosts: World
    app: Gateway

    def ask(self, verb: str, url: str, *, token: str = "", **options: Any) -> Reply:
        headers = dict(options.pop("headers", {}))
        if token:
            headers["authorization"] = f"Bearer {token}"
        asked = Client(self.app)(verb, url, headers=headers, **options)
        return self.hosts.loop.run(asked)

    def admin(self, verb: str, url: str, **options: Any) -> Reply:
        return self.ask(verb, url, token=self._token(url, "admin"), **options)

    def stranger(self, verb: str, url: str, **options: Any) -> Reply:
        return self.ask(verb, url, token=self._token(url, "stranger"), **options)

    def _token(self, url: str, who: str) -> str:
        package = CONTROL_PLANE if "/controlplane/" in url else WORKSPACE
        return str(getattr(self.hosts.sites[package], who))


@pytest.fixture(scope="module")
def front(hosts: World) -> Front:
    return hosts.loop.run(_front(hosts))


async def _front(hosts: World) -> Front:
    contract = Contract.load(Path(weftapi.__path__[0]) / "weftapi.protoset")
    services = {name: contract.services(name) for name in (CONTROL_PLANE, WORKSPACE)}
    plane, harness, mesh = hosts.plane, hosts.workspace, hosts.workspace.mesh
    admin = await plane.edge(hosts.sites[CONTROL_PLANE].admin)
    member = await plane.enroll(admin, GATEWAY, "lab")
    write_files(hosts.directory / "credentials-front", member.pair, plane.trust)
    own = Credentials(hosts.directory / "credentials-front")
    gateway = SpiffeId(workspaces.DOMAIN, Role.GATEWAY, uuid4())
    at_plane = (CONTROL_PLANE, own, plane.identity, plane.server.ports.mesh)
    at_lab = (WORKSPACE, mesh.membership(gateway).credentials, hosts.identity, harness.ports.mesh)
    upstreams = []
    for package, credentials, identity, port in (at_plane, at_lab):
        channels = Channels(credentials, services=services[package])
        await hosts.stack.enter_async_context(channels)
        names = frozenset(service.full_name for service in services[package])
        peer = channels.to(identity, f"127.0.0.1:{port}")
        upstreams.append(connect(package, names, peer))
    table = RouteTable([service for found in services.values() for service in found])
    return Front(hosts, Gateway(contract, table, Upstreams(upstreams)))


def problem(reply: Reply) -> tuple[int, int, str]:
    """Status, code and reason of an error, whose body must be a google.rpc.Status."""
    assert reply.headers["content-type"] == "application/json"
    assert reply.json.keys() == {"code", "message", "details"}
    info = reply.json["details"][0]
    assert info["@type"] == "type.googleapis.com/google.rpc.ErrorInfo"
    return reply.status, reply.json["code"], info["reason"]


@each_kind
def test_nobody(front: Front, verb: str, url: str, body: Any) -> None:
    for token in ("", "garbage", front.hosts.sites[WORKSPACE].admin[:-4]):
        reply = front.ask(verb, url, token=token, json_body=body)
        assert problem(reply) == (401, 16, "INVALID_CREDENTIAL")
        assert reply.json["message"] == UNAUTHENTICATED_MESSAGE
        assert reply.headers["www-authenticate"] == 'Bearer error="invalid_token"'


@each_kind
def test_somebody_without_a_grant(front: Front, verb: str, url: str, body: Any) -> None:
    existing = front.stranger(verb, url, json_body=body)
    absent = url.replace("demo", "absent").replace("default", "absent")
    assert problem(existing) == (403, 7, "NOT_PERMITTED")
    assert front.stranger(verb, absent, json_body=body).body == existing.body


@each_kind
def test_an_honest_administrator_comes_through(
    front: Front, verb: str, url: str, body: Any
) -> None:
    """Else nothing else on this page would mean anything."""
    if verb == "GET" and not url.endswith(":watch"):
        assert front.admin(verb, url).status == 200


@pytest.mark.parametrize(
    "url",
    [
        "/api/workspace/v1/projects/demo/runs/%66irst/",
        "/api/workspace/v1//projects/demo",
        "//api/workspace/v1/projects/demo",
        "/api/workspace/v1/projects/demo/",
        "/api/workspace/v1/projects/../projects/demo",
        "/api/workspace/v1/./projects/demo",
        "/api/workspace/v1/Projects/demo",
        "/API/workspace/v1/projects/demo",
        "/api/workspace/v1/projects%2fdemo",
        "/api/workspace/v1/projects/demo%2f..%2fother",
        "/api/workspace/v1/projects/demo%00",
        "/api/workspace/v1/projects/%252e%252e",
        "/api/workspace/v1/projects/demo;v=1",
        "/api/workspace/v1/projects/demo:purge",
        "/api/workspace/v1/projects/%ff%fe",
        "/api/controlplane/../workspace/v1/projects/demo",
    ],
)
def test_no_other_spelling_of_an_address(front: Front, url: str) -> None:
    """Neither reaches what the address almost names, nor tells anything about it."""
    status, _code, _reason = problem(front.admin("GET", url))
    assert status in {400, 403, 404}
    assert front.ask("GET", url).status in {400, 401, 404}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"pipelin":"x"}', "UNKNOWN_FIELD"),
        (b'{"pipeline":"a","pipeline":"b"}', ""),
        (b'{"displayName":1}', ""),
        (b"[" * 5_000, ""),
        (b'{"labels":' * 200 + b"1" + b"}" * 200, ""),
        (b"\xff\xfe{}", ""),
        (b'{"parameters":{"x":NaN}}', ""),
        (b'{"parameters":{"x":' + b"9" * 5_000 + b"}}", ""),
        (b"null null", ""),
    ],
)
def test_bodies_that_mean_nothing(front: Front, body: bytes, reason: str) -> None:
    headers = {"content-type": "application/json"}
    status, code, said = problem(front.admin("POST", RUNS, body=body, headers=headers))
    assert (status, code) == (400, 3)
    assert reason in ("", said)


def test_codes_that_people_meet(front: Front) -> None:
    made = front.admin("POST", f"{PROJECTS}?projectId=twice", json_body={})
    assert made.status in (200, 201)
    twice = problem(front.admin("POST", f"{PROJECTS}?projectId=twice", json_body={}))
    assert twice[:2] == (409, 6)
    stale = {"displayName": "x", "etag": "stale"}
    late = problem(front.admin("PATCH", f"{PROJECTS}/twice", json_body=stale))
    assert late == (409, 10, "ETAG_MISMATCH")
    # What a Get answers may come back whole.
    honest = {**front.admin("GET", f"{PROJECTS}/twice").json, "displayName": "y"}
    assert front.admin("PATCH", f"{PROJECTS}/twice", json_body=honest).json["displayName"] == "y"
    assert problem(front.admin("GET", f"{PROJECTS}/absent"))[:2] == (404, 5)
    assert problem(front.admin("PUT", f"{PROJECTS}/twice", json_body={}))[0] == 405
    big = b'{"description":"' + b"x" * (5 << 20) + b'"}'
    too_big = front.admin("POST", RUNS, body=big, headers={"content-type": "application/json"})
    assert problem(too_big)[0] == 413
    assert problem(front.admin("GET", f"{RUNS}?filter={'x' * 9_000}"))[0] == 414
    assert problem(front.admin("GET", RUN, headers={"x-pad": "x" * 15_000}))[0] == 431
    assert problem(front.admin("GET", f"{RUNS}?pageSize=-1"))[:2] == (400, 3)
    assert problem(front.admin("GET", f"{RUNS}?pagesize=1"))[:2] == (400, 3)
    assert problem(front.admin("GET", f"{RUNS}?filter=1=1;drop"))[:2] == (400, 3)


def test_another_projects_ids_in_ones_own_project(front: Front) -> None:
    """An editor of "demo" names what is in "other", in every place where a name can stand."""
    front.admin("POST", f"{PROJECTS}?projectId=other", json_body={})
    pipeline = {"pipeline": "projects/other/pipelines/secret"}
    theirs = front.admin("POST", f"{PROJECTS}/other/runs?runId=theirs", json_body=pipeline)
    assert theirs.status in (200, 201), theirs.body
    token = front.hosts.workspace.token(workspaces.DEMO_EDITOR)
    assert front.ask("GET", f"{PROJECTS}/other/runs/theirs", token=token).status == 403
    assert front.ask("GET", f"{PROJECTS}/demo/runs/theirs", token=token).status == 404
    for body in (pipeline, {"snapshot": "projects/other/snapshots/x"}):
        refused = front.ask("POST", RUNS, token=token, json_body=body)
        assert refused.status in (400, 403, 404), refused.body
    listed = front.ask("GET", f"{PROJECTS}/-/runs", token=token)
    assert listed.status == 200
    assert b"theirs" not in listed.body


@pytest.fixture(scope="module")
def pages(front: Front) -> str:
    """Three runs, and the token of the second page of one."""
    for number in range(3):
        body = {"pipeline": "projects/demo/pipelines/train"}
        front.admin("POST", f"{RUNS}?runId=page-{number}", json_body=body)
    return str(front.admin("GET", f"{RUNS}?pageSize=1").json["nextPageToken"])


def _tampered(token: str) -> Iterator[str]:
    yield token[:-1]
    yield token + "A"
    yield token[:10] + ("A" if token[10] != "A" else "B") + token[11:]
    yield "AAAA"
    yield "..%2f"
    yield "x" * 5_000


def test_page_tokens(front: Front, pages: str) -> None:
    """A page token holds for its own list alone, and for nothing that was changed."""
    assert front.admin("GET", f"{RUNS}?pageSize=1&pageToken={pages}").status == 200
    for url in (
        f"{PROJECTS}/other/runs?pageSize=1",
        f"{PROJECTS}?pageSize=1",
        "/api/workspace/v1/projects/demo/pipelines?pageSize=1",
        f"{RUNS}?pageSize=1&filter=state=RUNNING",
        f"{RUNS}?pageSize=1&orderBy=create_time",
    ):
        assert problem(front.admin("GET", f"{url}&pageToken={pages}"))[:2] == (400, 3), url
    for token in _tampered(pages):
        assert problem(front.admin("GET", f"{RUNS}?pageSize=1&pageToken={token}"))[:2] == (400, 3)
    assert problem(front.admin("GET", f"{MEMBERS}?pageToken={pages}"))[:2] == (400, 3)


def test_a_page_token_gives_no_rights(front: Front, pages: str) -> None:
    """Of another user: it holds, and shows what they may see themselves; nothing else."""
    url = f"{RUNS}?pageSize=1&pageToken={pages}"
    assert front.stranger("GET", url).status == 403
    token = front.hosts.workspace.token(workspaces.DEMO_EDITOR)
    assert front.ask("GET", url, token=token).status in (200, 400)


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("afterRevision=4000000000", ""),
        (f"afterRevision=1&epoch={UUID(int=9)}", "EPOCH_CHANGED"),
    ],
)
def test_cursors_outside_of_history(front: Front, query: str, reason: str) -> None:
    for url in (f"{RUN}:watch", f"{RUNS}:watch", f"{PROJECTS}/demo/events:watch"):
        status, code, said = problem(front.admin("GET", f"{url}?{query}"))
        assert (status, code) == (400, 11), url
        assert reason in ("", said)
    for query_ in ("afterRevision=-1", "afterRevision=1.5", "afterRevision=x", "epoch=x"):
        assert problem(front.admin("GET", f"{RUN}:watch?{query_}"))[:2] == (400, 3)


def test_a_cursor_in_the_header_that_browsers_send(front: Front) -> None:
    for cursor in ("4000000000", "-1", "x", "9" * 30, "1\u00e9"):
        headers = {"last-event-id": cursor, "accept": "text/event-stream"}
        assert front.admin("GET", f"{RUN}:watch", headers=headers).status == 400


def test_headers_that_pretend(front: Front) -> None:
    """No header but the credential says who speaks."""
    for name in ("x-weft-caller", "grpc-metadata-authorization", "x-forwarded-user", "cookie"):
        value = f"Bearer {front.hosts.sites[WORKSPACE].admin}"
        assert front.ask("GET", RUN, headers={name: value}).status == 401


def test_too_many_calls(tmp_path: Path) -> None:
    """429, with the seconds to wait where HTTP clients look for them."""
    with world(tmp_path, rate_per_second=0.05, rate_burst=60) as hosts:
        front = hosts.loop.run(_front(hosts))
        for _ in range(61):
            reply = front.admin("GET", RUN)
            if reply.status != 200:
                break
        assert problem(reply) == (429, 8, "RATE_LIMITED")
        assert 1 <= int(reply.headers["retry-after"]) <= 20

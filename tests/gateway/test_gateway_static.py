"""The dashboard's files: found by name in a table, and never anything else."""

import gzip
from pathlib import Path
from urllib.parse import quote

import pytest

from gateway.static import Dashboard
from gateway.upstreams import Upstream
from tests.gateway import toy as toys
from tests.gateway.toy import Client

PAGE = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
INDEX = b'<!doctype html><head><base href="/"></head><body></body>'


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """A build as `make dashboard` leaves it, and a secret beside it."""
    directory = tmp_path / "dashboard"
    (directory / "assets").mkdir(parents=True)
    (directory / "index.html").write_bytes(INDEX)
    (directory / "index.html.gz").write_bytes(gzip.compress(INDEX))
    (directory / "favicon.svg").write_bytes(b"<svg/>")
    (directory / "assets" / "main-abc.js").write_bytes(b"1")
    (directory / "assets" / "main-abc.js.gz").write_bytes(gzip.compress(b"1"))
    (tmp_path / "secret").write_text("secret")
    return directory


@pytest.fixture
def ask(server: Upstream, build: Path) -> Client:
    return Client(toys.gateway(server, dashboard=Dashboard(build)))


async def test_assets_are_kept_for_good(ask: Client) -> None:
    reply = await ask("GET", "/assets/main-abc.js", headers={"accept-encoding": "gzip, br"})
    assert (gzip.decompress(reply.body), reply.headers["content-encoding"]) == (b"1", "gzip")
    assert reply.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert reply.headers["content-type"] == "text/javascript; charset=utf-8"
    assert reply.headers["vary"] == "accept-encoding"
    plain = await ask("GET", "/assets/main-abc.js")
    assert (plain.body, "content-encoding" in plain.headers) == (b"1", False)
    assert (await ask("HEAD", "/assets/main-abc.js")).body == b""
    seen = {"if-none-match": plain.headers["etag"]}
    again = await ask("GET", "/assets/main-abc.js", headers=seen)
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize("path", ["/", "/index.html", "/projects/demo/runs/first", "/a/b.c?x=1"])
async def test_pages_are_drawn_by_the_one_page(ask: Client, path: str) -> None:
    reply = await ask("GET", path, headers=PAGE)
    assert (reply.status, reply.body) == (200, INDEX)
    assert reply.headers["cache-control"] == "no-cache"
    policy = reply.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "frame-ancestors 'none'" in policy
    assert reply.headers["x-content-type-options"] == "nosniff"


async def test_the_page_knows_the_path_that_it_is_under(server: Upstream, build: Path) -> None:
    ask = Client(toys.gateway(server, dashboard=Dashboard(build, base="/ml/weft")))
    packed = await ask("GET", "/", headers={**PAGE, "accept-encoding": "gzip"})
    assert packed.body == INDEX.replace(b'"/"', b'"/ml/weft/"')
    plain = Client(toys.gateway(server, dashboard=Dashboard(build)))
    etag = (await plain("GET", "/", headers=PAGE)).headers["etag"]
    assert packed.headers["etag"] != etag


async def test_the_api_stays_what_it_is(ask: Client) -> None:
    assert (await ask("GET", "/api/nothing", headers=PAGE)).reason == "ROUTE_NOT_FOUND"
    assert (await ask("GET", "/v1/shelves/1/books/2")).json["title"] == "Dune"
    assert (await ask("GET", "/healthz", headers=PAGE)).json == {"status": "SERVING"}
    assert (await ask("POST", "/projects", headers=PAGE)).reason == "ROUTE_NOT_FOUND"
    assert (await ask("GET", "/projects")).reason == "ROUTE_NOT_FOUND"


@pytest.mark.parametrize(
    "path",
    [
        "/assets/../../secret",
        "/assets/%2e%2e/%2e%2e/secret",
        "/assets/..%2f..%2fsecret",
        "/assets/main-abc.js.gz",
        "/assets/",
        "/assets//main-abc.js",
        "/assets/MAIN-abc.js",
    ],
)
async def test_no_path_leads_out(ask: Client, path: str) -> None:
    for headers in (PAGE, {}):
        reply = await ask("GET", path, headers=headers)
        assert (reply.status, reply.reason) == (404, "ROUTE_NOT_FOUND")


async def test_no_name_reads_the_disk(ask: Client, build: Path) -> None:
    """Whatever the name: it is looked up, and is the page where it is not there."""
    for path in ("/../secret", f"/{quote(str(build), safe='')}%2findex.html", "/%00"):
        assert (await ask("GET", path, headers=PAGE)).body == INDEX


async def test_tokens_in_the_address_are_refused_here_too(ask: Client) -> None:
    reply = await ask("GET", "/?access_token=x", headers=PAGE)
    assert (reply.status, reply.reason) == (400, "TOKEN_IN_QUERY")


async def test_without_a_build_it_says_how_to_make_one(server: Upstream, tmp_path: Path) -> None:
    ask = Client(toys.gateway(server, dashboard=Dashboard(tmp_path / "absent")))
    reply = await ask("GET", "/", headers=PAGE)
    assert (reply.status, reply.reason) == (404, "DASHBOARD_NOT_BUILT")
    assert "make dashboard" in reply.json["message"]
    assert (await ask("GET", "/v1/shelves/1/books/2")).status == 200

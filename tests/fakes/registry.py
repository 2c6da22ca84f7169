"""A fake container registry: manifests, users and passwords, and a token service, over HTTP.

It speaks as much of the distribution API as the SDK asks for; what podman asks for is proven
against the real program (tests/registry.py).
"""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

_PREFIX, _INFIX = "/v2/", "/manifests/"


@dataclass
class FakeRegistry:
    """What it holds, by "repository:tag", and what it wants of its callers."""

    host: str
    username: str = ""
    password: str = ""
    has_tokens: bool = False
    # Where it sends those who ask it anything, once they are let in.
    sends_to: str = ""
    manifests: dict[str, bytes] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)
    authorizations: list[str] = field(default_factory=list)

    def hold(self, image: str, content: bytes = b"{}") -> str:
        """Has an image from now on; gives its digest."""
        self.manifests[image] = content
        return self.digest(image)

    def digest(self, image: str) -> str:
        return f"sha256:{hashlib.sha256(self.manifests[image]).hexdigest()}"

    @property
    def basic(self) -> str:
        pair = f"{self.username}:{self.password}"
        return f"Basic {base64.b64encode(pair.encode()).decode()}"

    def lets_in(self, authorization: str) -> bool:
        if not self.username:
            return True
        return authorization == ("Bearer granted" if self.has_tokens else self.basic)


class _Handler(BaseHTTPRequestHandler):
    registry: FakeRegistry

    def do_HEAD(self) -> None:
        image = self._image()
        if not self._is_let_in() or self._is_sent_away():
            return
        if "/blobs/" in self.path:
            self._answer(200 if self.path.rpartition("/")[2] in self.registry.blobs else 404)
            return
        if image not in self.registry.manifests:
            self._answer(404)
        else:
            self._answer(200, {"Docker-Content-Digest": self.registry.digest(image)})

    def do_POST(self) -> None:
        """An upload begins; where it goes on is for the registry to say."""
        if self._is_let_in():
            self._answer(202, {"Location": f"{self.path}4711?state=begun"})

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        url = urlsplit(self.path)
        if not self._is_let_in():
            return
        if "/blobs/" in url.path:
            [digest] = parse_qs(url.query)["digest"]
            is_right = digest == f"sha256:{hashlib.sha256(content).hexdigest()}"
            self.registry.blobs |= {digest: content} if is_right else {}
            self._answer(201 if is_right else 400)
        else:
            digest = self.registry.hold(self._image(), content)
            self._answer(201, {"Docker-Content-Digest": digest})

    def do_GET(self) -> None:
        """The token service."""
        url = urlsplit(self.path)
        self.registry.authorizations.append(self.headers.get("Authorization", ""))
        self.registry.seen.append(parse_qs(url.query)["scope"][0])
        if self.headers.get("Authorization") != self.registry.basic:
            self._answer(401)
        elif not self._is_sent_away():
            self._answer(200, content=json.dumps({"token": "granted"}).encode())

    def _image(self) -> str:
        repository, _, tag = self.path.removeprefix(_PREFIX).partition(_INFIX)
        return f"{repository}:{tag}"

    def _is_sent_away(self) -> bool:
        if to := self.registry.sends_to:
            self._answer(307, {"Location": f"http://{to}{self.path}"})
        return bool(to)

    def _is_let_in(self) -> bool:
        self.registry.authorizations.append(self.headers.get("Authorization", ""))
        if self.registry.lets_in(self.headers.get("Authorization", "")):
            return True
        realm = f'Bearer realm="http://{self.registry.host}/token",service="fake"'
        wanted = realm if self.registry.has_tokens else 'Basic realm="fake"'
        self._answer(401, {"WWW-Authenticate": wanted})
        return False

    def _answer(
        self, status: int, headers: dict[str, str] | None = None, content: bytes = b""
    ) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_arguments: object) -> None:
        """Says nothing."""


@contextmanager
def fake_registry() -> Iterator[FakeRegistry]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        registry = FakeRegistry(f"127.0.0.1:{server.server_address[1]}")
        server.RequestHandlerClass = type("_Own", (_Handler,), {"registry": registry})
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield registry
        finally:
            server.shutdown()
            thread.join()

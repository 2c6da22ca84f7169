"""A fake of the XML API of Google Cloud Storage, by which obstore speaks with it.

The emulator on PyPI answers only the JSON API. This one keeps one bucket in memory: objects with
generations and preconditions, ranges, listings, and signed links whose time runs out. A request
needs credentials: a bearer token or a link's signature, whose bytes it does not check.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape


class FakeGcs(ThreadingHTTPServer):
    """A bucket on a free port: key -> (generation, time, bytes)."""

    daemon_threads = True

    def __init__(self, bucket: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bucket = bucket
        self.objects: dict[str, tuple[int, datetime, bytes]] = {}
        self.lock = threading.Lock()
        self.generation = 0

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def fake_gcs(bucket: str) -> Iterator[FakeGcs]:
    server = FakeGcs(bucket)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FakeGcs

    def log_message(self, *_arguments: object) -> None:
        """Says nothing."""

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers.get("content-length", 0)))
        if (key := self._key()) is None:
            return
        with self.server.lock:
            wanted = self.headers.get("x-goog-if-generation-match")
            if wanted is not None and int(wanted) != self.server.objects.get(key, (0,))[0]:
                self._answer(412, _error("PreconditionFailed"))
                return
            self.server.generation += 1
            self.server.objects[key] = (self.server.generation, datetime.now(UTC), data)
        self._answer(200, headers=_about(self.server.objects[key]))

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        if (key := self._key()) is None:
            return
        if not key:
            self._list(query.get("prefix", [""])[0])
            return
        with self.server.lock:
            found = self.server.objects.get(key)
        if found is None:
            self._answer(404, _error("NoSuchKey"))
            return
        self._give(found)

    do_HEAD = do_GET  # noqa: N815

    def do_DELETE(self) -> None:
        if (key := self._key()) is None:
            return
        with self.server.lock:
            found = self.server.objects.pop(key, None)
        self._answer(204 if found else 404, b"" if found else _error("NoSuchKey"))

    def _give(self, found: tuple[int, datetime, bytes]) -> None:
        data, headers = found[2], _about(found)
        wanted = self.headers.get("range", "")
        if not wanted:
            self._answer(200, data, headers)
            return
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        start, end = int(first), min(int(last) + 1 if last else len(data), len(data))
        if start >= len(data):
            self._answer(416, _error("InvalidRange"))
            return
        headers["content-range"] = f"bytes {start}-{end - 1}/{len(data)}"
        self._answer(206, data[start:end], headers)

    def _list(self, prefix: str) -> None:
        with self.server.lock:
            found = sorted(i for i in self.server.objects.items() if i[0].startswith(prefix))
        entries = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(data)}</Size>"
            f"<LastModified>{time.isoformat()}</LastModified><ETag>{generation}</ETag></Contents>"
            for key, (generation, time, data) in found
        )
        self._answer(200, f"<ListBucketResult>{entries}</ListBucketResult>".encode())

    def _key(self) -> str | None:
        """The key that is asked for, "" for the bucket; answers what is refused."""
        address = urlsplit(self.path)
        _, bucket, *rest = unquote(address.path).split("/", 2)
        query = parse_qs(address.query)
        if not (self.headers.get("authorization") or _is_signed(query)):
            self._answer(401, _error("AuthenticationRequired"))
            return None
        if bucket != self.server.bucket:
            self._answer(404, _error("NoSuchBucket"))
            return None
        return rest[0] if rest else ""

    def _answer(
        self, status: int, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in {"content-length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _about(found: tuple[int, datetime, bytes]) -> dict[str, str]:
    generation, time, _data = found
    modified = format_datetime(time, usegmt=True)
    return {
        "etag": f'"{generation}"',
        "x-goog-generation": str(generation),
        "last-modified": modified,
    }


def _is_signed(query: dict[str, list[str]]) -> bool:
    """Whether a link carries a signature, and its time has not run out."""
    if "X-Goog-Signature" not in query:
        return False
    signed = datetime.strptime(query["X-Goog-Date"][0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return datetime.now(UTC) < signed + timedelta(seconds=int(query["X-Goog-Expires"][0]))


def _error(code: str) -> bytes:
    return f"<Error><Code>{code}</Code></Error>".encode()

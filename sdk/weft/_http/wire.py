"""HTTPS to one gateway: TLS, proxies, and connections that serve one call after another."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import socket
import ssl
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from weft.errors import ContextError

_CONNECT_S = 10.0
# A gateway writes at least every 15 s on a stream; what is silent for four of them is dead.
_SILENCE_S = 60.0
_HTTPS_PORT = 443
_PROXY_PORT = 80
_CANCELLED = "the call was cancelled"
# In the words of gRPC, by which it is known that nothing is to be asked again.
CLOSED = "Channel closed!"


class CancelledError(Exception):
    """The call was cancelled before it was answered, and why."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of the gateway."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes | None = None


class Exchange:
    """A question and its answer, which another thread may break off."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._connection: HTTPSConnection | None = None
        self._socket: socket.socket | None = None
        # Why somebody has ended it; empty where nobody has.
        self._cancelled = ""

    def ask(self, question: Question, timeout_s: float | None) -> HTTPResponse:
        """Sends a question, and answers the head of the response.

        Raises OSError, HTTPException and CancelledError.
        """
        self._origin.enter(self)
        while (idle := self._origin.idle()) is not None:
            try:
                return self._ask(idle, question, timeout_s)
            except TimeoutError:
                raise
            except (OSError, HTTPException):
                # The gateway had closed it; whatever is asked here is safe to ask again.
                self.raise_if_cancelled()
        return self._ask(self._origin.connect(timeout_s), question, timeout_s)

    def finish(self) -> None:
        """Gives the connection back, whose answer was read to its end."""
        self._origin.leave(self)
        if self._connection is not None and not self._cancelled:
            self._origin.keep(self._connection)

    def cancel(self, why: str = _CANCELLED) -> None:
        """Ends the exchange, in whatever thread it waits."""
        self._cancelled = why
        if self._socket is not None:
            with contextlib.suppress(OSError):
                # Of the plain socket: TLS would first forget what the reader still waits in.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def abandon(self) -> None:
        """Closes the connection, of which something may be unread."""
        self._origin.leave(self)
        if self._connection is not None:
            self._connection.close()

    def _ask(
        self, connection: HTTPSConnection, question: Question, timeout_s: float | None
    ) -> HTTPResponse:
        self._connection, self._socket = connection, connection.sock
        try:
            self.raise_if_cancelled()
            connection.sock.settimeout(timeout_s or _SILENCE_S)
            connection.request(
                question.method, question.target, question.body, dict(question.headers)
            )
            return connection.getresponse()
        except BaseException:
            connection.close()
            self.raise_if_cancelled()
            raise

    def raise_if_cancelled(self) -> None:
        """Tells an end from a break: raises CancelledError."""
        if self._cancelled:
            raise CancelledError(self._cancelled)

    def cause(self, error: Exception) -> Exception:
        """What an error comes of: what was cancelled breaks in many ways."""
        return CancelledError(self._cancelled) if self._cancelled else error


class Origin:
    """A gateway, the exchanges with it, and the connections that wait for their next one.

    Without a lock, which a child could inherit held: each step is one of a set's or a deque's own.
    """

    def __init__(self, url: str, ca_pem: str) -> None:
        self._url = urlsplit(url)
        self._tls = _tls(ca_pem)
        self._idle: deque[HTTPSConnection] = deque()
        self._open: set[Exchange] = set()
        self._is_closed = False
        self._pid = os.getpid()

    def check_open(self) -> None:
        """Raises ValueError after `close`, as calls of a closed `grpc.Channel` do."""
        if self._is_closed:
            raise ValueError("Cannot invoke RPC on closed channel!")

    def enter(self, exchange: Exchange) -> None:
        """An exchange begins; after `close` it is cancelled at once."""
        self._leave_parent()
        self._open.add(exchange)
        if self._is_closed:
            exchange.cancel(CLOSED)

    def leave(self, exchange: Exchange) -> None:
        """An exchange has ended."""
        self._open.discard(exchange)

    def idle(self) -> HTTPSConnection | None:
        """A connection that has served before."""
        self._leave_parent()
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def keep(self, connection: HTTPSConnection) -> None:
        """Takes a connection back."""
        if connection.sock is not None:
            self._idle.append(connection)
        if self._is_closed:
            self._close_idle()

    def connect(self, timeout_s: float | None) -> HTTPSConnection:
        """A new connection, through the environment's proxy where there is one; raises OSError."""
        proxy = proxy_of(self._url)
        first = proxy or self._url
        connection = HTTPSConnection(
            first.hostname or "",
            first.port or (_PROXY_PORT if proxy else _HTTPS_PORT),
            timeout=min(timeout_s or _CONNECT_S, _CONNECT_S),
            context=self._tls,
        )
        if proxy is not None:
            port = self._url.port or _HTTPS_PORT
            connection.set_tunnel(self._url.hostname or "", port, _proxy_headers(proxy))
        try:
            connection.connect()
        except (ConnectionRefusedError, socket.gaierror) as error:
            if proxy is None:
                raise
            raise OSError(f"proxy {proxy.hostname}:{proxy.port}: {error}") from None
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return connection

    def close(self) -> None:
        """Cancels what is under way, closes what waits, and lets nothing begin any more."""
        self._is_closed = True
        self._leave_parent()
        for exchange in list(self._open):
            exchange.cancel(CLOSED)
        self._close_idle()

    def _close_idle(self) -> None:
        while (connection := self.idle()) is not None:
            connection.close()

    def _leave_parent(self) -> None:
        """A child must not speak over the connections of its parent, nor end them."""
        if self._pid != os.getpid():
            self._pid, self._idle, self._open = os.getpid(), deque(), set()

    def certificate(self) -> str:
        """The certificate that the gateway shows, in PEM, whoever signed it; raises OSError."""
        self._tls.check_hostname, self._tls.verify_mode = False, ssl.CERT_NONE
        connection = self.connect(None)
        try:
            return ssl.DER_cert_to_PEM_cert(connection.sock.getpeercert(binary_form=True) or b"")
        finally:
            connection.close()


def read_json(url: str, ca_pem: str) -> Any:
    """What a gateway says of itself at a URL; raises OSError, ValueError where it is no JSON."""
    origin = Origin(url, ca_pem)
    exchange = Exchange(origin)
    try:
        response = exchange.ask(Question("GET", urlsplit(url).path, {}), _CONNECT_S)
        content = response.read()
    except HTTPException as error:
        raise OSError(str(error) or repr(error)) from None
    finally:
        exchange.abandon()
    if response.status != HTTPStatus.OK:
        raise OSError(f"it answers HTTP {response.status}")
    return json.loads(content)


def certificate_at(url: str) -> str:
    """The certificate that somebody shows at a URL, in PEM, unchecked; raises OSError."""
    return Origin(url, "").certificate()


def proxy_of(url: SplitResult) -> SplitResult | None:
    """The proxy that HTTPS_PROXY and NO_PROXY name for a URL; raises ContextError."""
    host = url.hostname or ""
    named = getproxies().get("https", "")
    if not named or _is_here(host) or proxy_bypass(url.netloc.rpartition("@")[2]):
        return None
    proxy = urlsplit(named if "://" in named else f"http://{named}")
    if proxy.scheme != "http" or not proxy.hostname:
        raise ContextError(f"HTTPS_PROXY is {named!r}: only http://HOST:PORT can be asked")
    return proxy


def _is_here(host: str) -> bool:
    """A proxy cannot reach this very machine."""
    return host == "localhost" or host.startswith("127.") or host == "::1"


def _proxy_headers(proxy: SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def _tls(ca_pem: str) -> ssl.SSLContext:
    """Trusts what gRPC trusts: these CAs alone, or the system's where there are none."""
    context = ssl.create_default_context(cadata=ca_pem or None)
    # Newer Pythons want more of a certificate than gRPC does, and one may be its own authority.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context

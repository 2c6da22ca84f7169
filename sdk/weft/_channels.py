"""Channels to servers, and how streams are opened on them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar, cast

import grpc

from weft._targets import target_of
from weft._transport import is_url

_OPTIONS = [
    # gRPC's own retries hang a stream that was half closed when its connection broke (seen with
    # 1.85): calls are repeated here, streams are opened again by who reads them.
    ("grpc.enable_retries", 0),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
    # Ours decide when to try again; two minutes, gRPC's own limit, is no answer to a restart.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 5_000),
    # Without it a stalled reader lets the server send megabytes ahead before it blocks (S25).
    ("grpc.http2.bdp_probe", 0),
]
T = TypeVar("T")


def open_channel(target: str, ca_pem: str) -> grpc.Channel:
    """Opens a TLS channel to a server or its replicas; the system's CAs where `ca_pem` is "".

    A URL is that of a gateway, which is spoken to over HTTP.
    """
    if is_url(target):
        from weft._http.channel import HttpChannel

        return cast("grpc.Channel", HttpChannel(target, ca_pem))
    credentials = grpc.ssl_channel_credentials(ca_pem.encode() or None)
    address, own = target_of(target)
    return grpc.secure_channel(address, credentials, options=[*_OPTIONS, *own])


def uninterrupted(call: Callable[[], T]) -> T:
    """Answers what `call` does: Ctrl-C interrupts the wait for it, not the call.

    Inside of gRPC it would leave a half-open stream, for whose end closing waits for ever.
    """
    if threading.current_thread() is not threading.main_thread():
        return call()
    answer: Future[T] = Future()

    def work() -> None:
        try:
            answer.set_result(call())
        except BaseException as error:  # noqa: BLE001 - raised where the answer is awaited
            answer.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    return answer.result()

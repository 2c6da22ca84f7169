"""Logs, metrics and trace ids: one line and one observation for each RPC, never a payload."""

import logging
import os
import re
import sys
import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import prometheus_client
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
# How long closing the metrics server may take to be noticed.
_POLL_S = 0.1
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60)


def configure_logging(level: str = "info") -> None:
    """Sends structured logs to standard error: JSON, or colours on a terminal."""
    is_terminal = sys.stderr.isatty()
    renderer: structlog.types.Processor = (
        structlog.dev.ConsoleRenderer() if is_terminal else structlog.processors.JSONRenderer()
    )
    exceptions = [] if is_terminal else [structlog.processors.dict_tracebacks]
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *exceptions,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def trace_id_of(traceparent: str) -> str:
    """The trace id of a W3C traceparent; empty where it is malformed or all zero."""
    match = _TRACEPARENT.fullmatch(traceparent) if traceparent else None
    return match[1] if match and match[1].strip("0") else ""


def request_id_of(sent: str) -> str:
    """The caller's request id where it is harmless, else a new one."""
    return sent if sent and _REQUEST_ID.fullmatch(sent) else os.urandom(8).hex()


class Metrics:
    """What a server counts; each instance has a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._calls = Counter(
            "weft_rpc_requests", "Finished calls.", ("method", "code"), registry=self.registry
        )
        self._latency = Histogram(
            "weft_rpc_duration_seconds",
            "Time to answer unary calls.",
            ("method",),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._in_flight = 0
        gauge = Gauge("weft_rpc_in_flight", "Calls under way.", registry=self.registry)
        gauge.set_function(lambda: self._in_flight)
        # Children are looked up once for each method and code, not once for each call.
        self._call_children: dict[tuple[str, str], Counter] = {}
        self._latency_children: dict[str, Histogram] = {}

    def watch_streams(self, count: Callable[[], int]) -> None:
        """Exposes the number of open streams."""
        self.gauge("weft_rpc_streams", "Open streams.", count)

    def gauge(self, name: str, text: str, read: Callable[[], float]) -> None:
        """Exposes a number that somebody else keeps; read from another thread."""
        Gauge(name, text, registry=self.registry).set_function(read)

    def counter(self, name: str, text: str, read: Callable[[], float]) -> None:
        """Exposes a count that somebody else keeps and that only grows, as `<name>_total`."""
        self.registry.register(_Count(name, text, read))

    def begin(self) -> None:
        self._in_flight += 1

    def end(self, method: str, code: str, seconds: float | None) -> None:
        """Counts a finished call; `seconds` is None for streams, whose length means nothing."""
        self._in_flight -= 1
        child = self._call_children.get((method, code))
        if child is None:
            child = self._call_children[method, code] = self._calls.labels(method, code)
        child.inc()
        if seconds is None:
            return
        latency = self._latency_children.get(method)
        if latency is None:
            latency = self._latency_children[method] = self._latency.labels(method)
        latency.observe(seconds)


class _Count(Collector):
    def __init__(self, name: str, text: str, read: Callable[[], float]) -> None:
        self._name, self._text, self._read = name, text, read

    def collect(self) -> Iterable[CounterMetricFamily]:
        yield CounterMetricFamily(self._name, self._text, value=self._read())


class MetricsServer:
    """Serves `/metrics` over plain HTTP from threads of its own, away from the event loop."""

    def __init__(self, metrics: Metrics, host: str, port: int) -> None:
        app = prometheus_client.make_wsgi_app(metrics.registry)
        self._server = make_server(host, port, app, _ThreadingServer, _QuietHandler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_S,), name="metrics", daemon=True
        )
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_port)

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _ThreadingServer(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _QuietHandler(WSGIRequestHandler):
    # A scraper that stalls holds a thread no longer than this.
    timeout = 10

    def log_message(self, *_: object) -> None:
        """Scrapes are not worth a line."""

"""Captures what steps print and log, each step its own, while others run in parallel threads."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, cast

from weft._lines import LineSplitter
from weft._masking import masker
from weft._records import LogBatch, LogLevel, LogLine, LogStreamName, now

Sink = Callable[[tuple[LogLine, ...]], None]
_LEVELS: tuple[tuple[int, LogLevel], ...] = (
    (logging.CRITICAL, "CRITICAL"),
    (logging.ERROR, "ERROR"),
    (logging.WARNING, "WARNING"),
    (logging.INFO, "INFO"),
)


class Capture:
    """The lines of one attempt, on their way to a sink."""

    def __init__(self, sink: Sink, *, echo: bool) -> None:
        self.echo = echo
        self._sink = sink
        self._lock = threading.RLock()  # a sink that logs would speak in this very thread
        self._splitters: dict[LogStreamName, LineSplitter] = {
            "stdout": LineSplitter(),
            "stderr": LineSplitter(),
        }
        self._is_open = True
        self._is_copy = False

    def write(self, stream: LogStreamName, text: str) -> None:
        """Take text of a stream; whole lines go to the sink at once."""
        with self._lock:
            if self._is_open:
                # Here too, so that a value is not cut in two where a long line is.
                self._send(stream, "INFO", self._splitters[stream].feed(masker.mask(text)))

    def log(self, record: logging.LogRecord, message: str) -> None:
        """Take a log record, already formatted."""
        attributes = {"logger": record.name, "location": f"{record.filename}:{record.lineno}"}
        self.emit(level_name(record.levelno), message, attributes)

    def emit(self, level: LogLevel, message: str, attributes: dict[str, str]) -> None:
        """Take a message with a level of its own."""
        splitter = LineSplitter()
        lines = splitter.feed(masker.mask(message)) + splitter.close()
        with self._lock:
            if self._is_open:
                self._send("structured", level, lines, attributes)

    def flush(self) -> None:
        """Send the line that a copy has begun: it may exit without another word."""
        if self._is_copy:
            with self._lock:
                for stream, splitter in self._splitters.items():
                    self._send(stream, "INFO", splitter.close())

    def become_copy(self) -> None:
        """In a forked process: nobody there will release the lock, nor end the line begun."""
        self._lock = threading.RLock()
        self._splitters = {stream: LineSplitter() for stream in self._splitters}
        self._is_copy = True

    def close(self) -> None:
        """Send lines that never ended. Later text of a thread left behind is not this step's."""
        with self._lock:
            for stream, splitter in self._splitters.items():
                self._send(stream, "INFO", splitter.close())
            self._is_open = False

    def _send(
        self,
        stream: LogStreamName,
        level: LogLevel,
        lines: list[tuple[str, bool]],
        attributes: dict[str, str] | None = None,
    ) -> None:
        if lines:
            time, extra = now(), attributes or {}
            self._sink(
                tuple(
                    LogLine(time, level, stream, masker.mask(message), continued, attributes=extra)
                    for message, continued in lines
                )
            )


class Captures:
    """Makes the captures of one run's attempts, whose lines go to its record."""

    def __init__(self, append: Callable[[LogBatch], None], *, echo: bool) -> None:
        self._append = append
        self._echo = echo

    def of(self, step: str, attempt: int) -> Capture:
        """Give a capture for one attempt."""
        return Capture(lambda lines: self._append(LogBatch(step, attempt, lines)), echo=self._echo)


def level_name(number: int) -> LogLevel:
    """Name the level of `logging` at or below a number."""
    return next((name for least, name in _LEVELS if number >= least), "DEBUG")


_current: ContextVar[Capture | None] = ContextVar("weft_capture", default=None)


class Router:
    """Stands in for `sys.stdout`, `sys.stderr` and the root logger while runs are active."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._active: list[Capture] = []
        self._outsiders: set[int | None] = set()
        self._proxies: list[tuple[str, _Proxy]] = []
        self._handler = _Handler(self)
        self._level: int | None = None

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Route output for as long as any run needs it."""
        with self._lock:
            self._users += 1
            if self._users == 1:
                self._install()
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if self._users == 0:
                    self._uninstall()

    @contextmanager
    def routed(self, capture: Capture) -> Iterator[None]:
        """Send what this context prints and logs to a capture, and close it."""
        token = _current.set(capture)
        with self._lock:
            self._active.append(capture)
        try:
            yield
        finally:
            with self._lock:
                self._active.remove(capture)
            _current.reset(token)
            capture.close()

    def echo(self, stream: LogStreamName, text: str) -> None:
        """Write to the real terminal what another process has written."""
        real = next((proxy.real for name, proxy in self._proxies if name == stream), None)
        if real is not None:
            real.write(masker.mask(text))

    def become_copy(self) -> None:
        """In a forked process, which speaks as the thread that forked it."""
        self._lock = threading.Lock()
        for capture in self._active:
            capture.become_copy()

    def target(self) -> Capture | None:
        """Give the capture of whoever speaks now.

        Threads that a step starts do not inherit its context; while a single step runs, a thread
        that did not exist before can only be its own.
        """
        if found := _current.get():
            return found
        active = self._active
        if len(active) == 1 and threading.get_ident() not in self._outsiders:
            return active[0]
        return None

    def _install(self) -> None:
        self._outsiders = {thread.ident for thread in threading.enumerate()}
        names: tuple[LogStreamName, ...] = ("stdout", "stderr")
        for name in names:
            proxy = _Proxy(self, getattr(sys, name), name)
            self._proxies.append((name, proxy))
            setattr(sys, name, proxy)
        root = logging.getLogger()
        if root.level == logging.WARNING and not root.handlers:  # nobody has set logging up
            self._level = root.level
            root.setLevel(logging.INFO)
        root.addHandler(self._handler)

    def _uninstall(self) -> None:
        root = logging.getLogger()
        root.removeHandler(self._handler)
        if self._level is not None:
            root.setLevel(self._level)
            self._level = None
        for name, proxy in self._proxies:
            if getattr(sys, name) is proxy:
                setattr(sys, name, proxy.real)
        self._proxies.clear()


class _Proxy:
    """A text stream that also tells the capture of whoever writes."""

    def __init__(self, router: Router, real: Any, stream: LogStreamName) -> None:
        self.real = real
        self._router = router
        self._stream: LogStreamName = stream

    def write(self, text: str) -> int:
        capture = self._router.target()
        if capture is not None:
            capture.write(self._stream, text)
            if not capture.echo:
                return len(text)
        if self.real is not None:
            self.real.write(masker.mask(text))
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if (capture := self._router.target()) is not None:
            capture.flush()
        if self.real is not None:
            self.real.flush()

    @property
    def buffer(self) -> Any:
        return _Bytes(self)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


class _Bytes:
    """The binary side of a proxy."""

    def __init__(self, proxy: _Proxy) -> None:
        self._proxy = proxy

    def write(self, data: Any) -> int:
        self._proxy.write(bytes(data).decode(errors="replace"))
        return len(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._proxy.real.buffer, name)


class _Handler(logging.Handler):
    """Gives log records to captures, with their level."""

    def __init__(self, router: Router) -> None:
        super().__init__()
        self._router = router

    def emit(self, record: logging.LogRecord) -> None:
        """Hand over one record; the terminal gets it unless a handler of the user's shows it."""
        capture = self._router.target()
        if capture is None:
            return
        message = self.format(record)
        capture.log(record, message)
        others = [h for h in logging.getLogger().handlers if h is not self]
        for handler in others:
            # A handler that writes to our proxy would capture every record a second time.
            if isinstance(stream := getattr(handler, "stream", None), _Proxy):
                cast("logging.StreamHandler[Any]", handler).setStream(stream.real)
        if capture.echo and not others and isinstance(sys.stderr, _Proxy):
            shown = masker.mask(message)
            sys.stderr.real.write(f"{record.levelname} {record.name}: {shown}\n")


router = Router()

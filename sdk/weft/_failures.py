"""Turns an exception into what a user needs to see."""

from __future__ import annotations

import linecache
import os
import traceback
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from weft._masking import masker
from weft._records import Failure
from weft._sayable import sayable
from weft.errors import (
    ArtifactCorruptedError,
    ArtifactStoreError,
    MaterializerError,
    OutputError,
)

_LIMIT = 4096
_PACKAGE = str(Path(__file__).parent)
_LIBRARY = str(Path(os.__file__).parent)


def stopped_by_person(step: str, reason: str) -> Failure:
    """What depends on a step that somebody stopped hears of it."""
    said = f": {reason}" if reason else ""
    return Failure("USER", "STEP_STOPPED", f"step {step} was stopped{said}", step=step)


def failure_of(error: BaseException) -> Failure:
    """Describe an exception that ended an attempt.

    What Weft raises around the step is SYSTEM; everything else is the step's own.
    """
    frame = _user_frame(error.__traceback__)
    return Failure(
        kind="SYSTEM" if isinstance(error, MaterializerError | ArtifactStoreError) else "USER",
        code=_code(error),
        message=_shortened(sayable(masker.mask(str(error)))),
        exception=_type_name(error),
        location=sayable(_location(frame)) if frame else "",
        excerpt=sayable(_excerpt(frame)) if frame else "",
        traceback=sayable(masker.mask("".join(_trimmed(error)))),
    )


def _location(frame: traceback.FrameSummary) -> str:
    return f"{_shown(frame.filename)}:{frame.lineno} in {frame.name}"


def _code(error: BaseException) -> str:
    if isinstance(error, TimeoutError) and not error.__traceback__:
        return "TIMEOUT"
    if isinstance(error, OutputError):
        return "OUTPUT"
    if isinstance(error, ArtifactCorruptedError | ArtifactStoreError):
        return "ARTIFACT"
    return "MATERIALIZER" if isinstance(error, MaterializerError) else "EXCEPTION"


def _shortened(text: str) -> str:
    data = text.encode()
    return (
        data.decode() if len(data) <= _LIMIT else data[: _LIMIT - 3].decode(errors="ignore") + "…"
    )


def _type_name(error: BaseException) -> str:
    cls = type(error)
    builtin = cls.__module__ == "builtins"
    return cls.__qualname__ if builtin else f"{cls.__module__}.{cls.__qualname__}"


def _user_frame(tb: TracebackType | None) -> traceback.FrameSummary | None:
    """Give the innermost frame of the user's own code, else the innermost one outside Weft."""
    frames = [frame for frame in _frames(tb) if not frame.filename.startswith(_PACKAGE)]
    own = [
        f
        for f in frames
        if not f.filename.startswith((_LIBRARY, "<frozen")) and "site-packages" not in f.filename
    ]
    chosen = own or frames
    return chosen[-1] if chosen else None


def _shown(filename: str) -> str:
    """Give a path as the user knows it: without the folder that the code runs in."""
    path = Path(filename)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else filename


def _frames(tb: TracebackType | None) -> Iterable[traceback.FrameSummary]:
    return traceback.StackSummary.extract(traceback.walk_tb(tb), lookup_lines=False)


def _trimmed(error: BaseException) -> Iterable[str]:
    """Format the traceback without our own frames above the user's function."""
    tb = error.__traceback__
    while tb and tb.tb_next and tb.tb_frame.f_code.co_filename.startswith(_PACKAGE):
        tb = tb.tb_next
    return traceback.format_exception(type(error), error, tb)


def _excerpt(frame: traceback.FrameSummary) -> str:
    """Show two lines before and one after the guilty one."""
    guilty = frame.lineno or 0
    lines = [(n, linecache.getline(frame.filename, n)) for n in range(guilty - 2, guilty + 2)]
    return "\n".join(
        f"{'►' if number == guilty else ' '} {number:4} | {text.rstrip()}"
        for number, text in lines
        if number > 0 and text
    )

"""Exit codes, and errors as people read them: what happened, and what to do."""

from __future__ import annotations

import enum
import sys
import traceback
from typing import IO, Any

import click

from weft import errors
from weft.cli._text import lines, plain


class Exit(enum.IntEnum):
    """Exit codes of every command; `weft --help` documents them."""

    DONE = 0
    ERROR = 1
    USAGE = 2
    RUN_FAILED = 3
    AUTH = 4
    NOT_FOUND = 5
    CONFLICT = 6
    UNAVAILABLE = 7
    TIMED_OUT = 8
    TAMPERED = 9
    INTERRUPTED = 130


class CommandError(click.ClickException):
    """What a command itself finds wrong, with the exit code that says so."""

    def __init__(self, message: str, code: Exit = Exit.ERROR) -> None:
        super().__init__(message)
        self.code = code

    def show(self, file: IO[Any] | None = None) -> None:
        """Prints it as all errors are printed."""
        report_sentence(self.message, file)


_CODES: tuple[tuple[type[Exception], Exit], ...] = (
    (errors.NotSignedInError, Exit.AUTH),
    (errors.NotPermittedError, Exit.AUTH),
    (errors.ProjectFileError, Exit.USAGE),
    (errors.ContextError, Exit.AUTH),
    (errors.NotFoundError, Exit.NOT_FOUND),
    (errors.ConflictError, Exit.CONFLICT),
    (errors.UnavailableError, Exit.UNAVAILABLE),
    (errors.InvalidRequestError, Exit.USAGE),
    (errors.ParameterError, Exit.USAGE),
    (errors.ConfigError, Exit.USAGE),
    (errors.TracingError, Exit.USAGE),
    (errors.SubmitError, Exit.USAGE),
    (errors.ArtifactStoreError, Exit.UNAVAILABLE),
    (errors.RunInterruptedError, Exit.INTERRUPTED),
    (errors.RunError, Exit.RUN_FAILED),
)


def exit_code_of(error: Exception) -> Exit:
    """The exit code for an error."""
    for kind, code in _CODES:
        if isinstance(error, kind):
            return code
    return Exit.ERROR


def report(error: Exception, *, verbose: bool) -> None:
    """Prints an error to standard error: a sentence, the fields, the request id."""
    report_sentence(_sentence(error))
    if isinstance(error, errors.ApiError):
        _details(error)
        if verbose and error.reason:
            _detail(f"reason {error.reason} {dict(error.metadata) or ''}")
        if verbose and error.detail:
            _detail(f"the transport said: {error.detail}")
    if verbose:
        traceback.print_exception(error, file=sys.stderr)
    elif not isinstance(error, errors.WeftError | OSError):
        _detail("this is a bug of Weft; run `weft -v ...` for the details")


def report_refusal(name: str, error: errors.ApiError) -> None:
    """Prints why something would be refused: the sentence and the fields."""
    report_sentence(f"{name}: {error}")
    _details(error)


def report_sentence(text: str, file: IO[Any] | None = None) -> None:
    """Prints what went wrong, to standard error."""
    first, *rest = lines(text) or [""]
    label = click.style("error:", fg="red", bold=True)
    click.echo(f"{label} {first}", file=file or sys.stderr)
    for line in rest:
        click.echo(f"  {line}", file=file or sys.stderr)


def _details(error: errors.ApiError) -> None:
    for field, description in error.violations:
        _detail(f"{field}: {description}")
    if error.request_id:
        _detail(f"request id {error.request_id}")


def _detail(text: str) -> None:
    click.echo(f"  {plain(text)}", err=True)


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if isinstance(error, errors.WeftError):
        return str(error)
    return f"{type(error).__name__}: {error}"

"""Exit codes, and errors as people read them: what happened, and what to do."""

from __future__ import annotations

import enum
import sys
import traceback

import click

from weft import errors


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
    INTERRUPTED = 130


_CODES: tuple[tuple[type[Exception], Exit], ...] = (
    (errors.NotSignedInError, Exit.AUTH),
    (errors.NotPermittedError, Exit.AUTH),
    (errors.ContextError, Exit.AUTH),
    (errors.NotFoundError, Exit.NOT_FOUND),
    (errors.ConflictError, Exit.CONFLICT),
    (errors.UnavailableError, Exit.UNAVAILABLE),
    (errors.InvalidRequestError, Exit.USAGE),
    (errors.ParameterError, Exit.USAGE),
    (errors.TracingError, Exit.USAGE),
    (errors.SubmitError, Exit.USAGE),
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
    click.echo(f"{click.style('error:', fg='red', bold=True)} {_sentence(error)}", err=True)
    if isinstance(error, errors.ApiError):
        for field, description in error.violations:
            click.echo(f"  {field}: {description}", err=True)
        if error.request_id and (verbose or type(error) is errors.ApiError):
            click.echo(f"  request id {error.request_id}", err=True)
        if verbose and error.reason:
            click.echo(f"  reason {error.reason} {dict(error.metadata) or ''}", err=True)
    if verbose:
        traceback.print_exception(error, file=sys.stderr)
    elif not isinstance(error, errors.WeftError):
        click.echo("  this is a bug of Weft; run again with -v for the details", err=True)


def _sentence(error: Exception) -> str:
    if isinstance(error, errors.WeftError | OSError):
        return str(error)
    return f"{type(error).__name__}: {error}"

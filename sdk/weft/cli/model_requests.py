"""`weft models requests`: promotions that somebody asked for, and somebody else decides on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from weft._enums import word
from weft.cli._exit import CommandError, Exit
from weft.cli._models import connect, model_name, request_id, stage_word, version_label
from weft.cli._names import short
from weft.cli._output import by_id, output_option, print_fields, print_message, print_messages
from weft.cli._pages import paged

if TYPE_CHECKING:
    from weft._connection import Connection

_comment = click.option("-m", "--comment", default="", help="Why; it stays in the history.")
_STATES = ["pending", "approved", "denied", "withdrawn"]


@click.group()
def requests() -> None:
    """List and decide on requests that a version enter a stage. REQUEST is an id."""


@requests.command("list")
@click.argument("model", default="-")
@click.option(
    "--state",
    type=click.Choice([*_STATES, "any"]),
    default="pending",
    show_default=True,
    help="Which of them.",
)
@output_option
def list_requests(*, model: str, state: str, output: str) -> None:
    """List requests, newest first; of one model, or of all."""
    connection, stub = connect()
    query = "" if state == "any" else f"state = {state.upper()}"
    print_messages(
        _requests(connection, stub, model, query),
        output,
        header=("REQUEST", "VERSION", "TO", "STATE", "BY", "WHY"),
        row=lambda r: (
            short(r.name),
            version_label(r.model_version),
            stage_word(r.stage),
            _state(r),
            r.creator,
            r.comment,
        ),
        empty="nobody asks for anything",
    )


@requests.command()
@click.argument("request")
@output_option
def show(*, request: str, output: str) -> None:
    """Show a request."""
    from weftapi.workspace.v1 import model_stages_pb2

    connection, stub = connect()
    message = model_stages_pb2.GetStageRequestRequest(name=_name(connection, stub, request))
    found = connection.workspace.call(stub.GetStageRequest, message)
    print_message(found, output, lambda: _draw(found))


@requests.command()
@click.argument("request")
@_comment
@output_option
def approve(*, request: str, comment: str, output: str) -> None:
    """Approve a request that somebody else made: the version enters the stage."""
    _decide("Approve", request, comment, output)


@requests.command()
@click.argument("request")
@_comment
@output_option
def deny(*, request: str, comment: str, output: str) -> None:
    """Deny a request: the version stays where it is."""
    _decide("Deny", request, comment, output)


@requests.command()
@click.argument("request")
@_comment
@output_option
def withdraw(*, request: str, comment: str, output: str) -> None:
    """Take your own request back."""
    _decide("Withdraw", request, comment, output)


def _decide(verb: str, text: str, comment: str, output: str) -> None:
    from weftapi.workspace.v1 import model_stages_pb2

    connection, stub = connect()
    make = getattr(model_stages_pb2, f"{verb}StageRequestRequest")
    message = make(name=_name(connection, stub, text), comment=comment, request_id=request_id())
    method = getattr(stub, f"{verb}StageRequest")
    decided: Any = connection.workspace.call(method, message)
    print_message(decided, output, lambda: _draw(decided))


def _requests(connection: Connection, stub: Any, model: str, query: str) -> list[Any]:
    from weftapi.workspace.v1 import model_stages_pb2

    call = connection.workspace.call
    listing = model_stages_pb2.ListStageRequestsRequest(
        parent=model_name(connection, model), filter=query
    )
    pages = paged(lambda r: call(stub.ListStageRequests, r), listing)
    return [request for page in pages for request in page.stage_requests]


def _name(connection: Connection, stub: Any, text: str) -> str:
    """The resource name of a request that is known by its id alone."""
    if text.startswith("projects/"):
        return text
    for request in _requests(connection, stub, "-", ""):
        if short(request.name) == text:
            return str(request.name)
    raise CommandError(
        f"there is no request {text}: `weft models requests list` shows those that wait",
        Exit.NOT_FOUND,
    )


def _state(request: Any) -> str:
    from weftapi.workspace.v1 import model_types_pb2

    return word(model_types_pb2.StageRequestState, request.state)


def _draw(request: Any) -> None:
    print_fields(
        [
            by_id("request", request.name),
            ("version", version_label(request.model_version)),
            ("to", stage_word(request.stage)),
            ("by", request.creator),
            ("why", request.comment),
            ("state", _state(request)),
            ("decided by", request.decider),
            ("because", request.decision_comment),
        ]
    )

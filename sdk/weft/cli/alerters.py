"""`weft alerters`: webhooks and messages that tell others what happens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from weft.cli._alerts import attempt_rows, connect, delivery_row, draw, draw_delivery, name_of
from weft.cli._names import short
from weft.cli._output import output_option, print_message, print_messages, print_table
from weft.cli._pages import paged

if TYPE_CHECKING:
    from weftapi.workspace.v1 import alerter_types_pb2

_KINDS = ["webhook", "slack"]


@click.group()
def alerters() -> None:
    """Tell others what happens: by signed webhooks, or messages to Slack.

    What happens is told at least once, under an id that stays the same.
    """


@alerters.command("list")
@click.option("-q", "--query", default="", help="Which: over create_time.")
@output_option
def list_alerters(*, query: str, output: str) -> None:
    """List the alerters of the project."""
    from weftapi.workspace.v1 import alerters_pb2

    connection, stub = connect()
    call = connection.workspace.call
    request = alerters_pb2.ListAlertersRequest(parent=connection.project, filter=query)
    pages = paged(lambda r: call(stub.ListAlerters, r), request)
    print_messages(
        [alerter for page in pages for alerter in page.alerters],
        output,
        header=("ALERTER", "SENDS TO", "TELLS", "ONLY", "STATE"),
        row=lambda a: (short(a.name), a.origin, " ".join(a.types), a.filter, _state(a)),
        empty="no alerters yet: make one with `weft alerters create ID --url URL --on run.failed`",
    )


@alerters.command()
@click.argument("alerter")
@output_option
def show(*, alerter: str, output: str) -> None:
    """Show an alerter, and how sending goes."""
    from weftapi.workspace.v1 import alerters_pb2

    connection, stub = connect()
    request = alerters_pb2.GetAlerterRequest(name=name_of(connection, alerter))
    found = connection.workspace.call(stub.GetAlerter, request)
    print_message(found, output, lambda: draw(found))


@alerters.command()
@click.argument("alerter")
@click.option("--url", prompt=True, hide_input=True, help="Where it sends; asked for if absent.")
@click.option(
    "--kind", type=click.Choice(_KINDS), default="webhook", show_default=True, help="How it speaks."
)
@click.option(
    "--on",
    "types",
    multiple=True,
    required=True,
    metavar="TYPE",
    help="What it tells: run.failed, run.succeeded, run.unresponsive, run.waiting, run.alert, "
    "model_version.created, model_version.moved, artifact_version.created, schedule.failed ...",
)
@click.option("--only", "filter_", default="", help="Which of these: over pipeline, labels ...")
@click.option("--name", "display_name", default="", help="The name that people read.")
@click.option("--description", default="", help="What people note about it.")
@output_option
def create(
    *,
    alerter: str,
    url: str,
    kind: str,
    types: tuple[str, ...],
    filter_: str,
    output: str,
    **described: Any,
) -> None:
    """Make an alerter; `weft alerters rotate-secret` gives the secret that receivers check with."""
    import uuid

    from weftapi.workspace.v1 import alerter_types_pb2, alerters_pb2

    connection, stub = connect()
    number = alerter_types_pb2.AlerterKind.Value(f"ALERTER_KIND_{kind.upper()}")
    wanted = alerter_types_pb2.Alerter(
        kind=number, url=url, types=types, filter=filter_, **described
    )
    request = alerters_pb2.CreateAlerterRequest(
        parent=connection.project,
        alerter_id=alerter,
        alerter=wanted,
        request_id=str(uuid.uuid4()),
    )
    made = connection.workspace.call(stub.CreateAlerter, request)
    print_message(made, output, lambda: draw(made))


@alerters.command()
@click.argument("alerter")
@click.option("--url", help="Where it sends from now on.")
@click.option("--on", "types", multiple=True, metavar="TYPE", help="What it tells from now on.")
@click.option("--only", "filter", help="Which of these.")
@click.option("--name", "display_name", help="The name that people read.")
@click.option("--description", help="What people note about it.")
@output_option
def update(*, alerter: str, types: tuple[str, ...], output: str, **fields: str | None) -> None:
    """Change whom an alerter tells what."""
    given: dict[str, Any] = {name: value for name, value in fields.items() if value is not None}
    if types:
        given["types"] = types
    if not given:
        raise click.UsageError("say what changes: --url, --on, --only, --name or --description")
    _change(alerter, output, **given)


@alerters.command()
@click.argument("alerter")
@output_option
def pause(*, alerter: str, output: str) -> None:
    """Have an alerter tell nothing for now; what happens meanwhile is not told later."""
    _change(alerter, output, paused=True)


@alerters.command()
@click.argument("alerter")
@output_option
def resume(*, alerter: str, output: str) -> None:
    """Have a paused alerter tell again what happens from now on."""
    _change(alerter, output, paused=False)


@alerters.command("rotate-secret")
@click.argument("alerter")
@click.option("--keep-old", "hours", default=0.0, help="Hours that the old secret signs too.")
@output_option
def rotate_secret(*, alerter: str, hours: float, output: str) -> None:
    """Give a webhook a new signing secret, and print it: nobody can read it again."""
    import datetime as dt

    from weftapi.workspace.v1 import alerters_pb2

    connection, stub = connect()
    request = alerters_pb2.RotateAlerterSecretRequest(name=name_of(connection, alerter))
    if hours:
        request.retain_period.FromTimedelta(dt.timedelta(hours=hours))
    rotated = connection.workspace.call(stub.RotateAlerterSecret, request)
    print_message(rotated, output, lambda: click.echo(rotated.secret))


@alerters.command()
@click.argument("alerter")
@output_option
def test(*, alerter: str, output: str) -> None:
    """Send a sample now, and say what the target answered."""
    from weft.cli._output import print_fields
    from weftapi.workspace.v1 import alerters_pb2

    connection, stub = connect()
    request = alerters_pb2.TestAlerterRequest(name=name_of(connection, alerter))
    tested = connection.workspace.call(stub.TestAlerter, request)
    print_message(tested, output, lambda: print_fields(attempt_rows(tested.attempt)))
    if not tested.delivered:
        raise SystemExit(1)


@alerters.command()
@click.argument("alerter", required=False)
@click.option("-q", "--query", default="", help="Which: over state and create_time.")
@click.option("--attempts", is_flag=True, help="Every attempt, and what the target answered.")
@output_option
def deliveries(*, alerter: str | None, query: str, attempts: bool, output: str) -> None:
    """List what an alerter told, or all of them, newest first."""
    from weftapi.workspace.v1 import alerters_pb2

    connection, stub = connect()
    call = connection.workspace.call
    parent = name_of(connection, alerter or "-")
    request = alerters_pb2.ListAlertDeliveriesRequest(parent=parent, filter=query)
    pages = paged(lambda r: call(stub.ListAlertDeliveries, r), request)
    found = [delivery for page in pages for delivery in page.deliveries]
    if attempts and output == "table":
        for delivery in found:
            draw_delivery(delivery)
        return
    print_messages(
        found,
        output,
        header=("WHEN", "ALERTER", "DELIVERY", "TYPE", "CAUSE", "STATE", "TRIES", "WHY"),
        row=delivery_row,
        empty="it has told nothing yet",
    )


@alerters.command()
@click.argument("alerter")
@click.argument("delivery")
@output_option
def redeliver(*, alerter: str, delivery: str, output: str) -> None:
    """Send a delivery again, under the same id."""
    from weftapi.workspace.v1 import alerters_pb2

    connection, stub = connect()
    name = f"{name_of(connection, alerter)}/deliveries/{short(delivery)}"
    request = alerters_pb2.RedeliverAlertRequest(name=name)
    again = connection.workspace.call(stub.RedeliverAlert, request)
    row = [delivery_row(again)]
    header = ("WHEN", "ALERTER", "DELIVERY", "TYPE", "CAUSE", "STATE", "TRIES", "WHY")
    print_message(again, output, lambda: print_table(header, row))


@alerters.command()
@click.argument("alerter")
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(*, alerter: str, yes: bool) -> None:
    """Delete an alerter, what is known of what it told, and what it was about to tell."""
    from weftapi.workspace.v1 import alerters_pb2

    connection, stub = connect()
    name = name_of(connection, alerter)
    if not yes:
        click.confirm(f"Delete {name}?", abort=True)
    connection.workspace.call(stub.DeleteAlerter, alerters_pb2.DeleteAlerterRequest(name=name))
    click.echo(f"{short(name)} is deleted")


def _change(alerter: str, output: str, **fields: Any) -> None:
    import uuid

    from google.protobuf.field_mask_pb2 import FieldMask

    from weftapi.workspace.v1 import alerter_types_pb2, alerters_pb2

    connection, stub = connect()
    changed = alerter_types_pb2.Alerter(name=name_of(connection, alerter), **fields)
    request = alerters_pb2.UpdateAlerterRequest(
        alerter=changed, update_mask=FieldMask(paths=list(fields)), request_id=str(uuid.uuid4())
    )
    made = connection.workspace.call(stub.UpdateAlerter, request)
    print_message(made, output, lambda: draw(made))


def _state(alerter: alerter_types_pb2.Alerter) -> str:
    if alerter.paused:
        return "paused"
    return "failing" if alerter.HasField("failing_since") else "fine"

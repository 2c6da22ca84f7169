"""`weft webhooks`: what other systems tell, in signed messages."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from weft.cli._names import short
from weft.cli._output import by_id, note, output_option, print_fields, print_message, print_messages
from weft.cli._pages import paged
from weft.cli._webhooks import address_of, child_name, connect, how_to_send, kind_of

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from weft._connection import Connection
    from weftapi.workspace.v1 import webhook_types_pb2

_KINDS = ["github", "standard", "hmac"]
_secret_option = click.option(
    "--secret-file",
    type=click.File(),
    help="Holds the secret, where the sender made it; - for standard input.",
)


@click.group()
def webhooks() -> None:
    """Take signed messages of other systems, and see what they told. WEBHOOK is an id.

    DELIVERY is WEBHOOK/ID, as `deliveries` lists them.
    """


@webhooks.command("list")
@click.option("-q", "--query", default="", help="Which: over create_time and kind.")
@output_option
def list_webhooks(*, query: str, output: str) -> None:
    """List the webhooks of the project."""
    from weftapi.workspace.v1 import webhooks_pb2

    connection, stub = connect()
    call = connection.workspace.call
    request = webhooks_pb2.ListWebhooksRequest(parent=connection.project, filter=query)
    pages = paged(lambda r: call(stub.ListWebhooks, r), request)
    print_messages(
        [webhook for page in pages for webhook in page.webhooks],
        output,
        header=("WEBHOOK", "KIND", "DISABLED", "DELIVERIES", "LAST", "NAME"),
        row=lambda w: (
            short(w.name),
            kind_of(w),
            "yes" if w.disabled else "",
            str(w.delivery_count),
            _time(w, "last_delivery_time"),
            w.display_name,
        ),
        empty="no webhooks yet: make one with `weft webhooks create ID --kind github`",
    )


@webhooks.command()
@click.argument("webhook")
@output_option
def show(*, webhook: str, output: str) -> None:
    """Show a webhook, its address, and when something last arrived."""
    from weftapi.workspace.v1 import webhooks_pb2

    connection, stub = connect()
    request = webhooks_pb2.GetWebhookRequest(name=child_name(connection, webhook))
    found = connection.workspace.call(stub.GetWebhook, request)
    print_message(found, output, lambda: _draw(connection, found))


@webhooks.command()
@click.argument("webhook")
@click.option(
    "--kind",
    type=click.Choice(_KINDS),
    required=True,
    help="How messages are signed: as GitHub does, by Standard Webhooks, or a plain HMAC.",
)
@click.option("--signature-header", default="", help="With --kind hmac: x-signature or the like.")
@click.option("--timestamp-header", default="", help="With --kind hmac: the time, signed too.")
@click.option("--id-header", default="", help="With --kind hmac: the id of a delivery.")
@click.option("--event-header", default="", help="With --kind hmac: what happened.")
@_secret_option
@click.option("--name", default="", help="The name that people read.")
@click.option("--description", default="", help="What people note about it.")
@output_option
def create(
    *,
    webhook: str,
    kind: str,
    signature_header: str,
    timestamp_header: str,
    id_header: str,
    event_header: str,
    secret_file: Any,
    name: str,
    description: str,
    output: str,
) -> None:
    """Make a webhook. Its secret is printed now and never again: give it to the sender."""
    from weftapi.workspace.v1 import webhook_types_pb2, webhooks_pb2

    headers = {
        "signature": signature_header,
        "timestamp": timestamp_header,
        "id": id_header,
        "event_type": event_header,
    }
    if bool(signature_header) != (kind == "hmac") or (kind != "hmac" and any(headers.values())):
        raise click.UsageError("--kind hmac, and no other, takes --signature-header and the like")
    connection, stub = connect()
    wanted = webhook_types_pb2.Webhook(
        display_name=name,
        description=description,
        kind=webhook_types_pb2.WebhookKind.Value(f"WEBHOOK_KIND_{kind.upper()}"),
        hmac=webhook_types_pb2.HmacHeaders(**headers) if kind == "hmac" else None,
    )
    request = webhooks_pb2.CreateWebhookRequest(
        parent=connection.project,
        webhook_id=webhook,
        webhook=wanted,
        request_id=str(uuid.uuid4()),
        secret=_secret_in(secret_file),
    )
    made = connection.workspace.call(stub.CreateWebhook, request)
    print_message(made, output, lambda: _tell(connection, made))


@webhooks.command()
@click.argument("webhook")
@click.option("--disable/--enable", "disabled", default=None, help="Take nothing for now.")
@click.option("--name", "display_name", help="The name that people read.")
@click.option("--description", help="What people note about it.")
@output_option
def update(*, webhook: str, output: str, **fields: Any) -> None:
    """Change what is said of a webhook, or have it take nothing for now."""
    from google.protobuf.field_mask_pb2 import FieldMask

    from weftapi.workspace.v1 import webhook_types_pb2, webhooks_pb2

    given = {name: value for name, value in fields.items() if value is not None}
    if not given:
        raise click.UsageError("say what changes: --disable, --enable, --name or --description")
    connection, stub = connect()
    changed = webhook_types_pb2.Webhook(name=child_name(connection, webhook), **given)
    request = webhooks_pb2.UpdateWebhookRequest(
        webhook=changed, update_mask=FieldMask(paths=list(given)), request_id=str(uuid.uuid4())
    )
    made = connection.workspace.call(stub.UpdateWebhook, request)
    print_message(made, output, lambda: _draw(connection, made))


@webhooks.command()
@click.argument("webhook")
@click.option(
    "--overlap-hours",
    type=click.FloatRange(0, 168),
    default=24.0,
    show_default=True,
    help="How long the secret of now holds beside the new one.",
)
@_secret_option
@output_option
def rotate(*, webhook: str, overlap_hours: float, secret_file: Any, output: str) -> None:
    """Give a webhook a new secret. It is printed now and never again: give it to the sender."""
    from google.protobuf.duration_pb2 import Duration

    from weftapi.workspace.v1 import webhooks_pb2

    connection, stub = connect()
    overlap = Duration()
    overlap.FromTimedelta(timedelta(hours=overlap_hours))
    request = webhooks_pb2.RotateWebhookSecretRequest(
        name=child_name(connection, webhook),
        overlap=overlap,
        request_id=str(uuid.uuid4()),
        secret=_secret_in(secret_file),
    )
    made = connection.workspace.call(stub.RotateWebhookSecret, request)
    print_message(made, output, lambda: _tell(connection, made))


@webhooks.command()
@click.argument("webhook")
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(*, webhook: str, yes: bool) -> None:
    """Delete a webhook and what arrived at it."""
    from weftapi.workspace.v1 import webhooks_pb2

    connection, stub = connect()
    name = child_name(connection, webhook)
    if not yes:
        click.confirm(f"Delete {name}?", abort=True)
    connection.workspace.call(stub.DeleteWebhook, webhooks_pb2.DeleteWebhookRequest(name=name))
    click.echo(f"{short(name)} is deleted")


@webhooks.command()
@click.argument("webhook")
@click.option(
    "-q", "--query", default="", help="Which: over event_type, delivery_id and create_time."
)
@output_option
def deliveries(*, webhook: str, query: str, output: str) -> None:
    """List what arrived at a webhook, newest first."""
    from weftapi.workspace.v1 import webhooks_pb2

    connection, stub = connect()
    call = connection.workspace.call
    parent = child_name(connection, webhook)
    request = webhooks_pb2.ListWebhookDeliveriesRequest(parent=parent, filter=query)
    pages = paged(lambda r: call(stub.ListWebhookDeliveries, r), request)
    print_messages(
        [delivery for page in pages for delivery in page.deliveries],
        output,
        header=("WHEN", "DELIVERY", "EVENT", "ID OF THE SENDER", "BYTES", "FIRED"),
        row=lambda d: (
            d.create_time.ToJsonString(),
            f"{short(parent)}/{short(d.name)}",
            d.event_type,
            d.delivery_id,
            str(d.size_bytes),
            ", ".join(firing.split("/")[3] for firing in d.firings),
        ),
        empty="nothing has arrived yet",
    )


@webhooks.command()
@click.argument("delivery")
@output_option
def delivery(*, delivery: str, output: str) -> None:
    """Show a delivery with its body."""
    from weftapi.workspace.v1 import webhooks_pb2

    connection, stub = connect()
    request = webhooks_pb2.GetWebhookDeliveryRequest(name=_delivery_name(connection, delivery))
    found = connection.workspace.call(stub.GetWebhookDelivery, request)
    print_message(found, output, lambda: click.echo(found.payload))


@webhooks.command()
@click.argument("delivery")
@output_option
def redeliver(*, delivery: str, output: str) -> None:
    """Tell a delivery once more to the triggers that wait for it by now."""
    from weftapi.workspace.v1 import webhooks_pb2

    connection, stub = connect()
    request = webhooks_pb2.RedeliverWebhookDeliveryRequest(
        name=_delivery_name(connection, delivery), request_id=str(uuid.uuid4())
    )
    told = connection.workspace.call(stub.RedeliverWebhookDelivery, request)
    fired = sorted({firing.split("/")[3] for firing in told.firings})
    print_message(told, output, lambda: click.echo(f"fired so far: {', '.join(fired) or 'none'}"))


def _secret_in(file: Any) -> str:
    return file.read().strip() if file else ""


def _delivery_name(connection: Connection, text: str) -> str:
    if text.startswith("projects/"):
        return text
    webhook, slash, uid = text.partition("/")
    if not slash:
        raise click.UsageError("a delivery is WEBHOOK/ID: see `weft webhooks deliveries WEBHOOK`")
    return f"{child_name(connection, webhook)}/deliveries/{uid}"


def _time(message: Message, field: str) -> str:
    return getattr(message, field).ToJsonString() if message.HasField(field) else ""


def _draw(connection: Connection, webhook: webhook_types_pb2.Webhook) -> None:
    print_fields(
        (
            by_id("webhook", webhook.name),
            ("name", webhook.display_name),
            ("about", webhook.description),
            ("kind", kind_of(webhook)),
            ("address", address_of(connection, webhook.name)),
            ("disabled", "yes" if webhook.disabled else ""),
            ("secret of", _time(webhook, "secret_create_time")),
            ("old one until", _time(webhook, "previous_secret_expire_time")),
            ("deliveries", str(webhook.delivery_count)),
            ("last", _time(webhook, "last_delivery_time")),
        )
    )


def _tell(connection: Connection, made: webhook_types_pb2.Webhook) -> None:
    """The secret alone on standard output, so that a pipe can take it."""
    click.echo(made.secret)
    for line in how_to_send(connection, made).splitlines():
        note(line)

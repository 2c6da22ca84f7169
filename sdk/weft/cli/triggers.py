"""`weft triggers`: runs that follow from what happens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from weft.cli._names import short
from weft.cli._output import by_id, output_option, print_fields, print_message, print_messages
from weft.cli._pages import paged
from weft.cli._triggers import (
    ANY,
    after_artifact,
    after_model,
    after_run,
    child,
    on_webhook,
    parameters,
    state,
    words,
)

if TYPE_CHECKING:
    from weft._connection import Connection
    from weftapi.workspace.v1 import trigger_types_pb2, triggers_pb2_grpc

_STATES = ["running", "paused", "succeeded", "failed", "stopped"]
_STAGES = ["none", "staging", "production", "archived"]


@click.group()
def triggers() -> None:
    """Run a snapshot whenever a run, a model or an artifact does something, or a webhook is told.

    A trigger acts in the name of whoever said last what it does.
    """


@triggers.command("list")
@click.option("-q", "--query", default="", help="Which: over create_time, snapshot and paused.")
@output_option
def list_triggers(*, query: str, output: str) -> None:
    """List the triggers of the project."""
    from weftapi.workspace.v1 import triggers_pb2

    connection, stub = _connect()
    call = connection.workspace.call
    request = triggers_pb2.ListTriggersRequest(parent=connection.project, filter=query)
    pages = paged(lambda r: call(stub.ListTriggers, r), request)
    print_messages(
        [trigger for page in pages for trigger in page.triggers],
        output,
        header=("TRIGGER", "AFTER", "RUNS", "PAUSED", "LAST"),
        row=lambda t: (
            short(t.name),
            words(t.occurrence),
            short(t.snapshot) or f"template {t.template}",
            "yes" if t.paused else "",
            state(t.last_firing.state) if t.HasField("last_firing") else "",
        ),
        empty="no triggers yet: make one with `weft triggers create ID --run SNAPSHOT --after-run`",
    )


@triggers.command()
@click.argument("trigger")
@output_option
def show(*, trigger: str, output: str) -> None:
    """Show a trigger, and what it did last."""
    from weftapi.workspace.v1 import triggers_pb2

    connection, stub = _connect()
    request = triggers_pb2.GetTriggerRequest(name=_name(connection, trigger))
    found = connection.workspace.call(stub.GetTrigger, request)
    print_message(found, output, lambda: _draw(found))


@triggers.command()
@click.argument("trigger")
@click.option("--run", "snapshot", help="The snapshot that it runs.")
@click.option("--template", help="Or the template: whatever is published under this name by then.")
@click.option(
    "--after-run",
    "pipeline",
    is_flag=False,
    flag_value=ANY,
    metavar="[PIPELINE]",
    help="After runs of a pipeline, or of any.",
)
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice(_STATES),
    help="With --after-run: the states that count; by default succeeded.",
)
@click.option("--after-model", "model", metavar="MODEL", help="After new versions of a model.")
@click.option(
    "--stage",
    "stages",
    multiple=True,
    type=click.Choice(_STAGES),
    help="With --after-model: after versions that enter this stage instead.",
)
@click.option(
    "--after-artifact", "artifact", metavar="ARTIFACT", help="After new versions of an artifact."
)
@click.option("--on-webhook", "webhook", metavar="WEBHOOK", help="On messages to a webhook.")
@click.option(
    "--event",
    "events",
    multiple=True,
    help="With --on-webhook: an event that counts, such as push.",
)
@click.option(
    "--where",
    default="",
    help="With --on-webhook: what must hold, such as 'event.payload.ref = \"refs/heads/main\"'.",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="PARAMETER=VALUE",
    help="A parameter of its runs: JSON, text, or {{event.name}} and the like.",
)
@click.option("--name", default="", help="The name that people read.")
@click.option("--description", default="", help="What people note about it.")
@output_option
def create(
    *,
    trigger: str,
    snapshot: str | None,
    template: str | None,
    pipeline: str | None,
    states: tuple[str, ...],
    model: str | None,
    stages: tuple[str, ...],
    artifact: str | None,
    webhook: str | None,
    events: tuple[str, ...],
    where: str,
    settings: tuple[str, ...],
    name: str,
    description: str,
    output: str,
) -> None:
    """Make a trigger; from then on it acts in your name."""
    import uuid

    from weftapi.workspace.v1 import trigger_types_pb2, triggers_pb2

    if (snapshot is None) == (template is None):
        raise click.UsageError("say --run SNAPSHOT or --template NAME")
    if (pipeline, model, artifact, webhook).count(None) != 3:  # noqa: PLR2004 - one of the four
        raise click.UsageError(
            "say one of --after-run, --after-model, --after-artifact and --on-webhook"
        )
    connection, stub = _connect()
    if pipeline is not None:
        occurrence = after_run(connection, pipeline, states)
    elif model is not None:
        occurrence = after_model(connection, model, stages)
    elif webhook is not None:
        occurrence = on_webhook(connection, webhook, events, where)
    else:
        occurrence = after_artifact(connection, str(artifact))
    wanted = trigger_types_pb2.Trigger(
        display_name=name,
        description=description,
        snapshot=child(connection, "snapshots", snapshot) if snapshot else "",
        template=template or "",
        occurrence=occurrence,
    )
    wanted.parameters.update(parameters(settings))
    request = triggers_pb2.CreateTriggerRequest(
        parent=connection.project,
        trigger_id=trigger,
        trigger=wanted,
        request_id=str(uuid.uuid4()),
    )
    made = connection.workspace.call(stub.CreateTrigger, request)
    print_message(made, output, lambda: _draw(made))


@triggers.command()
@click.argument("trigger")
@output_option
def pause(*, trigger: str, output: str) -> None:
    """Have a trigger do nothing for now; what happens meanwhile does not count later."""
    _change(trigger, output, paused=True)


@triggers.command()
@click.argument("trigger")
@output_option
def resume(*, trigger: str, output: str) -> None:
    """Have a paused trigger act again, from then on in your name."""
    _change(trigger, output, paused=False)


@triggers.command()
@click.argument("trigger")
@click.option("--run", "snapshot", help="The snapshot that it runs from now on.")
@click.option("--template", help="Or the template whose snapshot it runs from now on.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="PARAMETER=VALUE",
    help="The parameters of its runs, in the place of those before.",
)
@click.option("--name", "display_name", help="The name that people read.")
@click.option("--description", help="What people note about it.")
@output_option
def update(*, trigger: str, settings: tuple[str, ...], output: str, **fields: str | None) -> None:
    """Change what a trigger does, from then on in your name."""
    given: dict[str, Any] = {name: value for name, value in fields.items() if value is not None}
    if settings:
        given["parameters"] = parameters(settings)
    if not given:
        raise click.UsageError(
            "say what changes: --run, --template, --set, --name or --description"
        )
    _change(trigger, output, **given)


@triggers.command()
@click.argument("trigger", required=False)
@click.option("-q", "--query", default="", help="Which: over state and create_time.")
@output_option
def firings(*, trigger: str | None, query: str, output: str) -> None:
    """List what a trigger did, or all of them, newest first."""
    from weftapi.workspace.v1 import triggers_pb2

    connection, stub = _connect()
    call = connection.workspace.call
    parent = _name(connection, trigger or "-")
    request = triggers_pb2.ListTriggerFiringsRequest(parent=parent, filter=query)
    pages = paged(lambda r: call(stub.ListTriggerFirings, r), request)
    print_messages(
        [firing for page in pages for firing in page.firings],
        output,
        header=("WHEN", "TRIGGER", "CAUSE", "STATE", "RUN", "WHY"),
        row=lambda f: (
            f.create_time.ToJsonString(),
            f.name.split("/")[3],
            f.cause.split("/", 2)[-1],
            state(f.state),
            short(f.run),
            f.reason,
        ),
        empty="it has not fired yet",
    )


@triggers.command()
@click.argument("trigger")
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(*, trigger: str, yes: bool) -> None:
    """Delete a trigger and what is known of its firings; its runs stay."""
    from weftapi.workspace.v1 import triggers_pb2

    connection, stub = _connect()
    name = _name(connection, trigger)
    if not yes:
        click.confirm(f"Delete {name}?", abort=True)
    connection.workspace.call(stub.DeleteTrigger, triggers_pb2.DeleteTriggerRequest(name=name))
    click.echo(f"{short(name)} is deleted")


def _connect() -> tuple[Connection, triggers_pb2_grpc.TriggerServiceStub]:
    from weft._connection import Connection
    from weftapi.workspace.v1 import triggers_pb2_grpc

    connection = Connection.current()
    return connection, connection.workspace.stub(triggers_pb2_grpc.TriggerServiceStub)


def _change(trigger: str, output: str, **fields: Any) -> None:
    import uuid

    from google.protobuf.field_mask_pb2 import FieldMask

    from weftapi.workspace.v1 import trigger_types_pb2, triggers_pb2

    connection, stub = _connect()
    if "snapshot" in fields:
        fields["snapshot"] = child(connection, "snapshots", fields["snapshot"])
    changed = trigger_types_pb2.Trigger(name=_name(connection, trigger), **fields)
    request = triggers_pb2.UpdateTriggerRequest(
        trigger=changed, update_mask=FieldMask(paths=list(fields)), request_id=str(uuid.uuid4())
    )
    made = connection.workspace.call(stub.UpdateTrigger, request)
    print_message(made, output, lambda: _draw(made))


def _name(connection: Connection, text: str) -> str:
    return child(connection, "triggers", text)


def _draw(trigger: trigger_types_pb2.Trigger) -> None:
    from google.protobuf import json_format

    last = trigger.last_firing
    print_fields(
        (
            by_id("trigger", trigger.name),
            ("name", trigger.display_name),
            ("about", trigger.description),
            ("after", words(trigger.occurrence)),
            ("runs", short(trigger.snapshot) or f"template {trigger.template}", trigger.snapshot),
            ("parameters", json_format.MessageToJson(trigger.parameters, indent=None)),
            ("acts for", trigger.runs_as),
            ("paused", "yes" if trigger.paused else ""),
            ("last", f"{state(last.state)} {short(last.run)}" if last.state else "", last.run),
            ("because", last.reason),
        )
    )

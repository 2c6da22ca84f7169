"""TriggerService."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from google.protobuf import json_format
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from meshkit.authentication import Context
from meshkit.caller import Caller
from meshkit.database import Database
from meshkit.idempotency import once
from meshkit.rules import resolve_update_mask
from meshkit.scopes import ExtraCheck
from weftapi.workspace.v1 import trigger_types_pb2, triggers_pb2, triggers_pb2_grpc
from workspace import names
from workspace.access import Access
from workspace.operations import firings, runnable
from workspace.operations import triggers as operations
from workspace.operations.refusals import absent, invalid
from workspace.servicers.converting import caller, message_to_dict, numbers, stamp, struct_to_dict
from workspace.servicers.listing import Lists
from workspace.store import triggers as store
from workspace.store.schema_triggers import Trigger, TriggerFiring
from workspace.triggering.reactor import RUN_PERMISSION
from workspace.webhooks import filters

_STATES = numbers(trigger_types_pb2.FiringState)
_FIELDS = (
    "display_name",
    "description",
    "labels",
    "occurrence",
    "snapshot",
    "template",
    "parameters",
    "paused",
)


class TriggerServicer(triggers_pb2_grpc.TriggerServiceServicer):
    def __init__(self, database: Database, lists: Lists) -> None:
        self._database = database
        self._lists = lists

    async def GetTrigger(
        self, request: triggers_pb2.GetTriggerRequest, _context: Context
    ) -> trigger_types_pb2.Trigger:
        row = await self._database.read(store.get, *names.ids(request.name))
        if row is None:
            raise absent(request.name)
        return trigger_to_proto(row)

    async def ListTriggers(
        self, request: triggers_pb2.ListTriggersRequest, _context: Context
    ) -> triggers_pb2.ListTriggersResponse:
        window = self._lists.window("ListTriggers", request, store.ORDERS)
        filter_ = self._lists.filter(store.FIELDS, request.filter)
        project = names.project_of(request.parent)
        page = await self._lists.page(
            window, trigger_to_proto, store.list_page, project, window, filter_
        )
        return triggers_pb2.ListTriggersResponse(
            triggers=page.items, next_page_token=page.next_page_token, revision=page.revision
        )

    async def CreateTrigger(
        self, request: triggers_pb2.CreateTriggerRequest, _context: Context
    ) -> trigger_types_pb2.Trigger:
        project = names.last(request.parent)
        return await self._database.write(
            operations.create,
            project,
            request.trigger_id,
            _values(project, request.trigger, _FIELDS),
            creator=caller().subject,
            once=once(request, trigger_types_pb2.Trigger),
            trial=request.validate_only,
            reply=trigger_to_proto,
        )

    async def UpdateTrigger(
        self, request: triggers_pb2.UpdateTriggerRequest, _context: Context
    ) -> trigger_types_pb2.Trigger:
        trigger = request.trigger
        paths = resolve_update_mask(trigger, request.update_mask)
        project, id_ = names.ids(trigger.name)
        return await self._database.write(
            operations.change,
            project,
            id_,
            _values(project, trigger, paths),
            etag=trigger.etag,
            changer=caller().subject,
            once=once(request, trigger_types_pb2.Trigger),
            trial=request.validate_only,
            reply=trigger_to_proto,
        )

    async def DeleteTrigger(
        self, request: triggers_pb2.DeleteTriggerRequest, _context: Context
    ) -> Empty:
        await self._database.write(operations.delete, *names.ids(request.name), etag=request.etag)
        return Empty()

    async def ListTriggerFirings(
        self, request: triggers_pb2.ListTriggerFiringsRequest, _context: Context
    ) -> triggers_pb2.ListTriggerFiringsResponse:
        window = self._lists.window("ListTriggerFirings", request, store.FIRING_ORDERS)
        filter_ = self._lists.filter(store.FIRING_FIELDS, request.filter)
        project, trigger = names.ids(request.parent)
        one = None
        if trigger != names.WILDCARD:
            row = await self._database.read(store.get, project, trigger)
            if row is None:
                raise absent(request.parent)
            one = row.uid
        page = await self._lists.page(
            window, firing_to_proto, store.list_firings, project, one, window, filter_
        )
        return triggers_pb2.ListTriggerFiringsResponse(
            firings=page.items, next_page_token=page.next_page_token, revision=page.revision
        )


def triggered_snapshot(database: Database, access: Access) -> ExtraCheck:
    """The extra check of that name: nobody has a trigger do what they may not do themselves."""
    allowed = access.require(RUN_PERMISSION)

    async def given(project: str, snapshot: str, template: str) -> str:
        if snapshot or not template:
            return snapshot
        return await database.read(runnable.name_of, project, snapshot, template)

    async def check(caller: Caller, request: Message) -> None:
        if isinstance(request, triggers_pb2.CreateTriggerRequest):
            wanted, project = request.trigger, names.last(request.parent)
            await allowed(caller, await given(project, wanted.snapshot, wanted.template))
            return
        assert isinstance(request, triggers_pb2.UpdateTriggerRequest)
        paths = resolve_update_mask(request.trigger, request.update_mask)
        project, id_ = names.ids(request.trigger.name)
        if runnable.FIELDS & set(paths):
            await allowed(caller, await given(project, **_runs(request.trigger, paths)))
        elif {"paused", *operations.DEEDS} & set(paths):
            row = await database.read(store.get, project, id_)
            if row is None:
                raise absent(request.trigger.name)
            await allowed(caller, await database.read(operations.snapshot_of, row))

    return check


def trigger_to_proto(row: Trigger) -> trigger_types_pb2.Trigger:
    trigger = trigger_types_pb2.Trigger(
        name=row.name,
        uid=str(row.uid),
        display_name=row.display_name,
        description=row.description,
        labels=row.labels or None,
        creator=row.creator,
        create_time=stamp(row.create_time),
        update_time=stamp(row.update_time),
        revision=row.revision,
        etag=names.etag(row.uid, row.changes),
        snapshot=_snapshot(row),
        template=row.template,
        paused=row.paused,
        runs_as=row.runs_as,
        last_firing=_last_firing(row),
    )
    json_format.ParseDict(row.occurrence, trigger.occurrence)
    trigger.parameters.update(row.parameters)
    return trigger


def firing_to_proto(row: TriggerFiring) -> trigger_types_pb2.TriggerFiring:
    trigger = names.child(names.project(row.project), "triggers", row.trigger)
    return _firing(trigger, firings.summary(row))


def _last_firing(row: Trigger) -> trigger_types_pb2.TriggerFiring | None:
    return _firing(row.name, row.last_firing) if row.last_firing else None


def _firing(trigger: str, summary: dict[str, Any]) -> trigger_types_pb2.TriggerFiring:
    state: Any = _STATES[summary["state"]]
    project = names.project(names.project_of(trigger))
    return trigger_types_pb2.TriggerFiring(
        name=names.child(trigger, "firings", summary["uid"]),
        create_time=stamp(datetime.fromisoformat(summary["create_time"])),
        settle_time=stamp(_time(summary["settle_time"])),
        state=state,
        reason=summary["reason"],
        run=names.child(project, "runs", summary["run"]),
        cause=summary["cause"],
        cause_revision=summary["cause_revision"],
    )


def _time(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _snapshot(row: Trigger) -> str:
    return names.child(names.project(row.project), "snapshots", row.snapshot)


def _values(
    project: str, trigger: trigger_types_pb2.Trigger, paths: Iterable[str]
) -> dict[str, Any]:
    """Plain values of the named fields."""
    values: dict[str, Any] = {path: getattr(trigger, path) for path in paths}
    if "labels" in values:
        values["labels"] = dict(trigger.labels)
    if "parameters" in values:
        values["parameters"] = struct_to_dict(trigger.parameters)
    if runnable.FIELDS & values.keys():
        runs = _runs(trigger, values)
        if runs["snapshot"]:
            _require_own(project, "trigger.snapshot", runs["snapshot"])
        values |= {**runs, "snapshot": names.last(runs["snapshot"])}
    if "occurrence" in values:
        values["occurrence"] = _occurrence(project, trigger.occurrence)
    return values


def _runs(trigger: trigger_types_pb2.Trigger, paths: Iterable[str]) -> dict[str, str]:
    """What of the two it is to run; the other is empty."""
    given = {path: getattr(trigger, path) for path in runnable.FIELDS & set(paths)}
    return runnable.chosen(given, "trigger")


def _occurrence(project: str, given: trigger_types_pb2.Occurrence) -> dict[str, Any]:
    kind = given.WhichOneof("kind")
    if kind is None:
        raise invalid("trigger.occurrence", "must say what happens")
    of = {
        "run": given.run.pipeline,
        "model": given.model.model,
        "artifact": given.artifact.artifact,
        "webhook": given.webhook.webhook,
    }
    if kind != "run" or given.run.pipeline:
        _require_own(project, f"trigger.occurrence.{kind}", of[kind])
    # Says now what is wrong with it.
    filters.compiled(given.webhook.filter)
    return message_to_dict(given)


def _require_own(project: str, field: str, name: str) -> None:
    if not name:
        raise invalid(field, "is required")
    if names.outside(project, [name]):
        raise invalid(field, "must be of the trigger's own project")

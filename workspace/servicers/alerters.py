"""AlerterService."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from google.protobuf.empty_pb2 import Empty

from meshkit.authentication import Context
from meshkit.database import Database
from meshkit.idempotency import once
from meshkit.ids import new_uid
from meshkit.rules import resolve_update_mask
from weftapi.workspace.v1 import alerter_types_pb2, alerters_pb2, alerters_pb2_grpc
from workspace import names
from workspace.alerting.alerts import Alerts
from workspace.alerting.notices import predicate
from workspace.alerting.targets import require_reachable
from workspace.operations import alert_deliveries, run_alerts
from workspace.operations import alerters as operations
from workspace.operations.refusals import absent, invalid
from workspace.operations.run_alerts import Said
from workspace.secrets.sealer import Sealer
from workspace.servicers.alerter_messages import (
    alerter_to_proto,
    attempt_to_proto,
    delivery_to_proto,
)
from workspace.servicers.converting import caller, short_names
from workspace.servicers.listing import Lists
from workspace.store import alert_deliveries as delivery_store
from workspace.store import alerters as store
from workspace.store.schema_alerters import AlertDelivery

_KINDS = short_names(alerter_types_pb2.AlerterKind)
_FIELDS = (
    "display_name",
    "description",
    "labels",
    "kind",
    "url",
    "types",
    "filter",
    "paused",
)


class AlerterServicer(alerters_pb2_grpc.AlerterServiceServicer):
    def __init__(self, database: Database, lists: Lists, sealer: Sealer, alerts: Alerts) -> None:
        self._database = database
        self._lists = lists
        self._sealer = sealer
        self._alerts = alerts

    async def GetAlerter(
        self, request: alerters_pb2.GetAlerterRequest, _context: Context
    ) -> alerter_types_pb2.Alerter:
        row = await self._database.read(operations.require, *names.ids(request.name))
        return alerter_to_proto(row)

    async def ListAlerters(
        self, request: alerters_pb2.ListAlertersRequest, _context: Context
    ) -> alerters_pb2.ListAlertersResponse:
        window = self._lists.window("ListAlerters", request, store.ORDERS)
        filter_ = self._lists.filter(store.FIELDS, request.filter)
        project = names.project_of(request.parent)
        page = await self._lists.page(
            window, alerter_to_proto, store.list_page, project, window, filter_
        )
        return alerters_pb2.ListAlertersResponse(
            alerters=page.items, next_page_token=page.next_page_token, revision=page.revision
        )

    async def CreateAlerter(
        self, request: alerters_pb2.CreateAlerterRequest, _context: Context
    ) -> alerter_types_pb2.Alerter:
        return await self._database.write(
            operations.create,
            self._sealer,
            names.last(request.parent),
            request.alerter_id,
            self._values(request.alerter, _FIELDS),
            creator=caller().subject,
            once=once(request, alerter_types_pb2.Alerter),
            trial=request.validate_only,
            reply=alerter_to_proto,
        )

    async def UpdateAlerter(
        self, request: alerters_pb2.UpdateAlerterRequest, _context: Context
    ) -> alerter_types_pb2.Alerter:
        alerter = request.alerter
        return await self._database.write(
            operations.change,
            self._sealer,
            *names.ids(alerter.name),
            self._values(alerter, resolve_update_mask(alerter, request.update_mask)),
            etag=alerter.etag,
            once=once(request, alerter_types_pb2.Alerter),
            trial=request.validate_only,
            reply=alerter_to_proto,
        )

    async def DeleteAlerter(
        self, request: alerters_pb2.DeleteAlerterRequest, _context: Context
    ) -> Empty:
        await self._database.write(operations.delete, *names.ids(request.name), etag=request.etag)
        return Empty()

    async def RotateAlerterSecret(
        self, request: alerters_pb2.RotateAlerterSecretRequest, _context: Context
    ) -> alerters_pb2.RotateAlerterSecretResponse:
        row, secret = await self._database.write(
            operations.rotate,
            self._sealer,
            *names.ids(request.name),
            retain=request.retain_period.ToTimedelta(),
        )
        return alerters_pb2.RotateAlerterSecretResponse(
            alerter=alerter_to_proto(row), secret=secret
        )

    async def TestAlerter(
        self, request: alerters_pb2.TestAlerterRequest, _context: Context
    ) -> alerters_pb2.TestAlerterResponse:
        row = await self._database.read(operations.require, *names.ids(request.name))
        # Written down before anything is sent.
        await self._database.write(operations.record_test, row.name)
        attempt = await self._alerts.test(row)
        return alerters_pb2.TestAlerterResponse(
            delivered=attempt.is_delivered, attempt=attempt_to_proto(attempt)
        )

    async def ListAlertDeliveries(
        self, request: alerters_pb2.ListAlertDeliveriesRequest, _context: Context
    ) -> alerters_pb2.ListAlertDeliveriesResponse:
        window = self._lists.window("ListAlertDeliveries", request, delivery_store.ORDERS)
        filter_ = self._lists.filter(delivery_store.FIELDS, request.filter)
        project, alerter = names.ids(request.parent)
        one = None
        if alerter != names.WILDCARD:
            one = (await self._database.read(operations.require, project, alerter)).uid
        page = await self._lists.page(
            window, delivery_to_proto, delivery_store.list_page, project, one, window, filter_
        )
        return alerters_pb2.ListAlertDeliveriesResponse(
            deliveries=page.items, next_page_token=page.next_page_token, revision=page.revision
        )

    async def RedeliverAlert(
        self, request: alerters_pb2.RedeliverAlertRequest, _context: Context
    ) -> alerter_types_pb2.AlertDelivery:
        project, alerter, delivery = names.ids(request.name)
        row = await self._database.write(
            alert_deliveries.redeliver, project, alerter, _uid(request.name, delivery)
        )
        self._alerts.sender.wake()
        return delivery_to_proto(row)

    async def SendRunAlert(
        self, request: alerters_pb2.SendRunAlertRequest, _context: Context
    ) -> alerters_pb2.SendRunAlertResponse:
        found = await self._database.write(
            run_alerts.send,
            self._said(request),
            workspace=self._alerts.workspace,
            browser_url=self._alerts.browser_url,
            once=once(request, alerters_pb2.SendRunAlertResponse),
            reply=_sent_to_proto,
        )
        self._alerts.sender.wake()
        return found

    def _said(self, request: alerters_pb2.SendRunAlertRequest) -> Said:
        project, run = names.ids(request.run)
        if request.alerter and names.outside(project, [request.alerter]):
            raise invalid("alerter", "must be of the run's own project")
        return Said(
            project=project,
            run=run,
            text=request.text,
            # Said again later than requests are remembered, it is told once all the same.
            key=request.request_id or str(new_uid()),
            actor=caller().subject,
            alerter=names.last(request.alerter),
            step=request.step_id,
        )

    def _values(self, alerter: alerter_types_pb2.Alerter, paths: Iterable[str]) -> dict[str, Any]:
        """Plain values of the named fields; InvalidArgument for what cannot be."""
        values: dict[str, Any] = {path: getattr(alerter, path) for path in paths}
        if "labels" in values:
            values["labels"] = dict(alerter.labels)
        if "kind" in values:
            values["kind"] = _KINDS.get(alerter.kind, "")
            if not values["kind"]:
                raise invalid("alerter.kind", "is required")
        if "url" in values:
            require_reachable(self._alerts.policy, alerter.url, "alerter.url")
        if "types" in values:
            values["types"] = sorted(set(alerter.types))
            if not alerter.types:
                raise invalid("alerter.types", "must name what it tells")
        # Refused here where it is none.
        predicate(values.get("filter", ""))
        return values


def _uid(name: str, text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise absent(name) from error


def _sent_to_proto(rows: list[AlertDelivery]) -> alerters_pb2.SendRunAlertResponse:
    return alerters_pb2.SendRunAlertResponse(deliveries=[row.name for row in rows])

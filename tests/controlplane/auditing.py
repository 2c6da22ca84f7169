"""The audit log as its tests ask for it."""

from datetime import timedelta
from typing import Any

from google.protobuf.json_format import MessageToDict

from controlplane.auditing.notary import Notary
from controlplane.auditing.signer import Signer
from controlplane.auditing.witness import Witness
from controlplane.chains import chain_of
from controlplane.store.schema import TABLES
from meshkit.database import Database, Session
from tests.controlplane.harness import (
    ORGANIZATION,
    Client,
    Plane,
)
from weftapi.controlplane.v1 import audit_pb2

HOME = chain_of("default")
# What runs under it writes nothing that asks for it.
LEASE: Any = None
EVENTS = TABLES.audit_events
CHAINS = TABLES.audit_chains


async def listed(client: Client, filter_: str = "", **more: Any) -> list[audit_pb2.AuditEvent]:
    request = audit_pb2.ListAuditEventsRequest(parent=ORGANIZATION, filter=filter_, **more)
    return list((await client.audit.ListAuditEvents(request)).audit_events)


async def exported(client: Client, **fields: Any) -> list[str]:
    request = audit_pb2.ExportAuditEventsRequest(parent=ORGANIZATION, **fields)
    metadata = [("authorization", f"Bearer {client.tokens.access_token}")]
    call = client.audit.ExportAuditEvents(request, metadata=metadata)
    return b"".join([piece.data async for piece in call]).decode().splitlines()


async def keys(client: Client) -> dict[str, Any]:
    return MessageToDict(await client.audit.GetAuditKeys(audit_pb2.GetAuditKeysRequest()))


async def verdict(client: Client, **fields: Any) -> audit_pb2.VerifyAuditChainResponse:
    request = audit_pb2.VerifyAuditChainRequest(parent=ORGANIZATION, **fields)
    return await client.audit.VerifyAuditChain(request)


def notary_of(plane: Plane, door: Database, *, retention: timedelta = timedelta()) -> Notary:
    data = plane.settings.data_dir
    signer = Signer(data / "audit-signing.pem", plane.clock)
    return Notary(door, signer, Witness(data / "audit-witness"), plane.clock, retention=retention)


async def busy(plane: Plane, admin: Client, count: int = 8) -> None:
    """A few rows of different kinds."""
    for number in range(count // 2):
        await plane.new_workspace(admin, f"w{number}")
        await plane.sign_in()


def take_triggers_away(session: Session) -> None:
    """As whoever may alter tables can, before they forge."""
    connection = session.connection()
    is_sqlite = connection.dialect.name == "sqlite"
    found = connection.exec_driver_sql(
        "SELECT name, '' FROM sqlite_master WHERE type = 'trigger'"
        if is_sqlite
        else "SELECT tgname, 'ON ' || tgrelid::regclass FROM pg_trigger WHERE NOT tgisinternal"
    )
    for name, place in found.all():
        connection.exec_driver_sql(f"DROP TRIGGER {name} {place}")


async def forger(plane: Plane) -> Database:
    """A door to the database for whoever may alter its tables."""
    door = await plane.database()
    await door.write(take_triggers_away)
    return door

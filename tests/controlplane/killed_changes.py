"""A control plane in a process of its own that dies at one statement of one change."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import sqlalchemy as sa

from tests.controlplane.harness import ORGANIZATION, PASSWORD, Client, Plane, running
from tests.controlplane.programs import new_account, new_key, rotate
from tests.controlplane.test_invitations import accept, invite, new_team, role
from tests.controlplane.test_roles import make as make_role
from weftapi.controlplane.v1 import certificate_authority_pb2 as ca_pb2
from weftapi.controlplane.v1 import certificate_authority_pb2_grpc as ca_grpc
from weftapi.controlplane.v1 import organizations_pb2

Change = Callable[[], Awaitable[Any]]
RETAIN_S = 3600
ROLLOVER = f"{ORGANIZATION}/certificateAuthority"


async def accepting(plane: Plane, admin: Client, id_: str) -> Change:
    """A person, a membership, a grant, a place in a team, and the end of the invitation."""
    team = await new_team(admin, id_)
    made = await invite(admin, f"{id_}@example.com", roles=[role("viewer")], teams=[team])
    anyone = await plane.edge()
    return lambda: accept(anyone, made.token, password=PASSWORD)


async def founding(_plane: Plane, admin: Client, id_: str) -> Change:
    """An organization, and whose it is."""
    request = organizations_pb2.CreateOrganizationRequest(organization_id=id_)
    return lambda: admin.organizations.CreateOrganization(request)


async def rotating(_plane: Plane, admin: Client, id_: str) -> Change:
    """A new key, the end of the old one, and the end of what was made from it."""
    account = await new_account(admin, id_)
    key = await new_key(admin, account.name)
    return lambda: rotate(admin, key.api_key.name, seconds=RETAIN_S)


async def rolling(_plane: Plane, admin: Client, _id: str) -> Change:
    """A root beside the one that signs, and what everybody is told to trust."""
    authority = ca_grpc.CertificateAuthorityServiceStub(admin.channel)
    with contextlib.suppress(grpc.aio.AioRpcError):
        await authority.RevertRollover(ca_pb2.RevertRolloverRequest(name=ROLLOVER))
    return lambda: authority.StartRollover(ca_pb2.StartRolloverRequest(name=ROLLOVER))


async def advancing(_plane: Plane, admin: Client, _id: str) -> Change:
    """The root that signs, and the one that does no longer."""
    authority = ca_grpc.CertificateAuthorityServiceStub(admin.channel)
    found = await authority.GetCertificateAuthority(
        ca_pb2.GetCertificateAuthorityRequest(name=ROLLOVER)
    )
    request = ca_pb2.AdvanceRolloverRequest(name=ROLLOVER, force=True)
    if found.phase == ca_pb2.ROLLOVER_PHASE_ISSUING:
        found = await authority.AdvanceRollover(request)
    if found.phase == ca_pb2.ROLLOVER_PHASE_STANDBY:
        await authority.StartRollover(ca_pb2.StartRolloverRequest(name=ROLLOVER))
    return lambda: authority.AdvanceRollover(request)


async def casting(_plane: Plane, admin: Client, id_: str) -> Change:
    """A role."""
    return lambda: make_role(admin, id_, "runs.get")


CHANGES = {
    "advancing": advancing,
    "casting": casting,
    "accepting": accepting,
    "founding": founding,
    "rotating": rotating,
    "rolling": rolling,
}


def acknowledgement(directory: Path, id_: str) -> Path:
    """A file that is there where the change was answered."""
    return directory / f"{id_}.acknowledged"


def die(directory: Path, url: str, change: str, id_: str, statement: int) -> None:
    """Ends by SIGKILL before this statement (from 1) of the change, or after it was answered."""
    asyncio.run(_die(directory, url, change, id_, statement))


async def _die(directory: Path, url: str, change: str, id_: str, statement: int) -> None:
    async with running(directory, url) as plane:
        admin = await plane.sign_in()
        act = await CHANGES[change](plane, admin, id_)
        _arm(statement)
        await act()
        acknowledgement(directory, id_).touch()
        os.kill(os.getpid(), signal.SIGKILL)


def _arm(statement: int) -> None:
    """Counts what writes, and the commit: reads are behind no change."""
    left = statement

    def count(*_: Any) -> None:
        nonlocal left
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

    def count_writes(_connection: Any, _cursor: Any, text: str, *_: Any) -> None:
        if text.lstrip()[:6].upper() in {"INSERT", "UPDATE", "DELETE"}:
            count()

    sa.event.listen(sa.Engine, "before_cursor_execute", count_writes)
    sa.event.listen(sa.Engine, "commit", count)

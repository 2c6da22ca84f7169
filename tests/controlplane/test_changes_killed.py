"""The control plane killed between the statements of one change: nothing is half made (F1)."""

import asyncio
import random
import signal
import time
from pathlib import Path

import grpc
import pytest

from tests.controlplane import killed_changes
from tests.controlplane.harness import ORGANIZATION, Client, refused, running
from tests.controlplane.killed_changes import CHANGES, RETAIN_S, ROLLOVER, acknowledgement
from tests.controlplane.test_invitations import held_by, invitations, team_members
from tests.controlplane.test_members import members
from tests.controlplane.test_organizations import create, organizations
from tests.controlplane.test_roles import make as make_role
from tests.forks import forks
from weftapi.controlplane.v1 import (
    certificate_authority_pb2,
    certificate_authority_pb2_grpc,
    invitations_pb2,
    service_accounts_pb2,
)

pytestmark = pytest.mark.fault

# The first statement, two of the next, and one that no change has: it dies acknowledged.
_NEVER = 1000
_MOST = 10


def kill(directory: Path, url: str, change: str, id_: str, statement: int) -> None:
    arguments = (directory, url, change, id_, statement)
    process = forks.Process(target=killed_changes.die, args=arguments)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


async def accepted(admin: Client, id_: str) -> bool:
    email = f"{id_}@example.com"
    (made,) = [row for row in (await invitations(admin)).invitations if row.email == email]
    people = [row.user for row in (await members(admin)).members if row.email == email]
    is_accepted = made.state == invitations_pb2.INVITATION_STATE_ACCEPTED
    assert len(people) == is_accepted
    assert await team_members(admin, f"{ORGANIZATION}/teams/{id_}") == people
    for person in people:
        assert await held_by(admin, person) == {("viewer", ORGANIZATION)}
    return is_accepted


async def founded(admin: Client, id_: str) -> bool:
    # It is shown to whoever holds something in it, and its id is free where it is not there.
    if f"organizations/{id_}" in await organizations(admin):
        assert (await refused(create(admin, id_)))[0] == "ALREADY_EXISTS"
        return True
    await create(admin, id_)
    return False


async def rotated(admin: Client, id_: str) -> bool:
    listed = await admin.service_accounts.ListApiKeys(
        service_accounts_pb2.ListApiKeysRequest(parent=f"{ORGANIZATION}/serviceAccounts/{id_}")
    )
    soon = time.time() + RETAIN_S
    are_ending = sorted(key.expire_time.seconds <= soon for key in listed.api_keys)
    assert are_ending in ([False], [False, True])
    return len(are_ending) == 2


async def rolled(admin: Client, _id: str) -> bool:
    stub = certificate_authority_pb2_grpc.CertificateAuthorityServiceStub(admin.channel)
    found = await stub.GetCertificateAuthority(
        certificate_authority_pb2.GetCertificateAuthorityRequest(name=ROLLOVER)
    )
    is_over = found.phase == certificate_authority_pb2.ROLLOVER_PHASE_STANDBY
    assert len(found.roots) == (1 if is_over else 2)
    return not is_over


async def advanced(admin: Client, _id: str) -> bool:
    stub = certificate_authority_pb2_grpc.CertificateAuthorityServiceStub(admin.channel)
    found = await stub.GetCertificateAuthority(
        certificate_authority_pb2.GetCertificateAuthorityRequest(name=ROLLOVER)
    )
    is_issuing = found.phase == certificate_authority_pb2.ROLLOVER_PHASE_ISSUING
    other = "OUTGOING" if is_issuing else "INCOMING"
    states = [certificate_authority_pb2.RootState.Name(root.state) for root in found.roots]
    assert sorted(states) == sorted(["ROOT_STATE_ACTIVE", f"ROOT_STATE_{other}"])
    return is_issuing


async def cast(admin: Client, id_: str) -> bool:
    # Its id is free where it is not there.
    (outcome,) = await asyncio.gather(make_role(admin, id_, "runs.get"), return_exceptions=True)
    is_taken = isinstance(outcome, grpc.aio.AioRpcError)
    assert not is_taken or outcome.code() is grpc.StatusCode.ALREADY_EXISTS
    return is_taken


DONE = {
    "advancing": advanced,
    "casting": cast,
    "accepting": accepted,
    "founding": founded,
    "rotating": rotated,
    "rolling": rolled,
}


@pytest.mark.parametrize(("seed", "change"), list(enumerate(CHANGES)))
async def test_a_change_is_made_or_not(
    tmp_path: Path, database_url: str, seed: int, change: str
) -> None:
    async with running(tmp_path, database_url) as plane:
        await plane.set_up()
    points = [1, *sorted(random.Random(seed).sample(range(2, _MOST), 2)), _NEVER]
    made = {}
    for point in points:
        id_ = f"{change}-{point}"
        kill(tmp_path, database_url, change, id_, point)
        async with running(tmp_path, database_url) as plane:
            made[point] = await DONE[change](await plane.sign_in(), id_)
        assert made[point] >= acknowledgement(tmp_path, id_).exists()
    assert (made[1], made[_NEVER]) == (False, True)

"""No two states of a thing share an etag, however quickly one follows the other."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask

from tests.controlplane.harness import ORGANIZATION, ManualClock, refused, running
from weftapi.controlplane.v1 import access_pb2, organizations_pb2, teams_pb2
from weftapi.controlplane.v1 import service_accounts_pb2 as programs_pb2


class StoppedClock(ManualClock):
    """All that happens, happens in the same microsecond."""

    def __init__(self) -> None:
        super().__init__()
        self._stopped = datetime.now(UTC)

    def now(self) -> datetime:
        return self._stopped + self.offset


async def test_changes_within_a_microsecond_are_told_apart(
    tmp_path: Path, database_url: str
) -> None:
    async with running(tmp_path, database_url, clock=StoppedClock()) as plane:
        admin = await plane.set_up()
        team = await admin.teams.CreateTeam(
            teams_pb2.CreateTeamRequest(parent=ORGANIZATION, team_id="ml")
        )
        role = access_pb2.CreateRoleRequest(
            parent=ORGANIZATION, role_id="r", role=access_pb2.Role(permissions=["runs.get"])
        )
        account = programs_pb2.CreateServiceAccountRequest(
            parent=ORGANIZATION, service_account_id="ci"
        )
        home = organizations_pb2.GetOrganizationRequest(name=ORGANIZATION)
        mask = FieldMask(paths=["display_name"])
        things: list[tuple[Any, Any, Any, str]] = [
            (team, admin.teams.UpdateTeam, teams_pb2.UpdateTeamRequest, "team"),
            (
                await admin.access.CreateRole(role),
                admin.access.UpdateRole,
                access_pb2.UpdateRoleRequest,
                "role",
            ),
            (
                await admin.service_accounts.CreateServiceAccount(account),
                admin.service_accounts.UpdateServiceAccount,
                programs_pb2.UpdateServiceAccountRequest,
                "service_account",
            ),
            (
                await admin.organizations.GetOrganization(home),
                admin.organizations.UpdateOrganization,
                organizations_pb2.UpdateOrganizationRequest,
                "organization",
            ),
        ]
        for made, update, request, field in things:
            first = made.etag
            for name in ("One", "Two"):
                made.display_name = name
                made = await update(request(update_mask=mask, **{field: made}))  # noqa: PLW2901
            assert made.etag != first
            made.etag = first
            stale = update(request(update_mask=mask, **{field: made}))
            assert await refused(stale) == ("ABORTED", "ETAG_MISMATCH")

"""Random worlds of teams, roles and grants: everything decides as a brute-force oracle does.

The control plane on its tables, and a workspace on the policy that these tables make.
"""

import itertools
import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from controlplane.linking import statements
from controlplane.operations import guards
from controlplane.permissions import CATALOGUE, FROM_BELOW, ROLES, Scope, held_on
from controlplane.servicers.enrollment import policy_to_proto
from controlplane.store.schema import Workspace
from controlplane.store.schema_access import CustomRole, RoleBinding, Team, TeamMember
from controlplane.subjects import Subject, SubjectKind
from meshkit.database import Database
from meshkit.ids import new_uid
from meshkit.session import Session
from meshkit.spiffe import Role, SpiffeId
from tests.controlplane.harness import Client, Plane
from workspace.access import Grants

ORGANIZATION = "default"
IDS = ("a", "ab", "b")
ITEMS = ("", "runs/a", "runs/ab", "artifacts/a")
PERMISSIONS = ("runs.get", "runs.stop", "artifacts.get", "workspaces.use", "organizations.get")


@dataclass
class World:
    """What a test put into the database, as plain values."""

    now: datetime
    principals: list[Subject]
    # Members by team.
    teams: dict[UUID, set[UUID]] = field(default_factory=dict)
    roles: dict[str, frozenset[str]] = field(default_factory=dict)
    # Subject, role, scope, end.
    grants: list[tuple[UUID, str, Scope, datetime | None]] = field(default_factory=list)

    def held(self, principal: UUID, resource: str) -> set[str]:
        """The oracle: names compared part by part, teams and ends looked at one by one."""
        path, held = resource.split("/"), set[str]()
        for subject, role, scope, ends in self.grants:
            is_theirs = subject == principal or principal in self.teams.get(subject, ())
            if not is_theirs or (ends is not None and ends <= self.now):
                continue
            granted = scope.name.split("/")
            if path[: len(granted)] == granted:
                held |= self.roles[role]
            elif granted[: len(path)] == path:
                held |= self.roles[role] & FROM_BELOW
        return held


def scopes() -> list[Scope]:
    below = [
        Scope(ORGANIZATION, workspace, project, item)
        for workspace, project, item in itertools.product(("w1", "w2"), IDS, ITEMS)
    ]
    return [Scope(ORGANIZATION), Scope(ORGANIZATION, "w1"), Scope(ORGANIZATION, "w2"), *below]


def fill(session: Session, seed: int) -> World:
    """Makes a random world, past every guard."""
    chance, now = random.Random(seed), session.now
    made = {"creator": "users/x", "create_time": now}
    workspaces = {row.id: row.uid for row in session.query(Workspace)}
    world = World(
        now,
        [
            Subject(kind, new_uid())
            for kind in (SubjectKind.USER, SubjectKind.USER, SubjectKind.SERVICE_ACCOUNT)
        ],
        roles={id_: role.permissions for id_, role in ROLES.items()},
    )
    roles: dict[str, UUID | None] = dict.fromkeys(ROLES)
    for id_ in ("first", "second"):
        given = chance.sample(PERMISSIONS, 2)
        roles[id_] = _custom_role(session, id_, [*given, "once.known"], made)
        world.roles[id_] = frozenset(given)
    for number in range(3):
        members = chance.sample(world.principals, chance.randrange(4))
        team = _team(session, f"t{number}", members, made)
        world.teams[team] = {member.uid for member in members}
    subjects = [*world.principals, *(Subject(SubjectKind.TEAM, uid) for uid in world.teams)]
    wanted = {
        (chance.choice(subjects), chance.choice([*roles]), chance.choice(scopes()))
        for _ in range(chance.randrange(12))
    }
    for subject, role, scope in sorted(wanted, key=repr):
        ends = chance.choice((None, now - timedelta(hours=1), now + timedelta(hours=1)))
        workspace_uid = workspaces.get(scope.workspace)
        session.add(_binding(subject, role, roles[role], scope, workspace_uid, ends, made))
        world.grants.append((subject.uid, role, scope, ends))
    return world


def _custom_role(session: Session, id_: str, given: list[str], made: dict[str, Any]) -> UUID:
    row = CustomRole(
        uid=new_uid(), organization=ORGANIZATION, id=id_, display_name="", description="",
        permissions=given, update_time=session.now, **made,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row.uid


def _team(session: Session, id_: str, members: list[Subject], made: dict[str, Any]) -> UUID:
    row = Team(
        uid=new_uid(), organization=ORGANIZATION, id=id_, display_name="", description="",
        update_time=session.now, **made,
    )  # fmt: skip
    session.add(row)
    session.flush()
    for member in members:
        session.add(
            TeamMember(
                team_uid=row.uid, member_kind=member.kind.value, member_uid=member.uid,
                team=row.name, member=member.claim, **made,
            )
        )  # fmt: skip
    return row.uid


def _binding(  # noqa: PLR0917 - a row's columns
    subject: Subject,
    role: str,
    role_uid: UUID | None,
    scope: Scope,
    workspace_uid: UUID | None,
    ends: datetime | None,
    made: dict[str, Any],
) -> RoleBinding:
    return RoleBinding(
        organization=ORGANIZATION, subject_kind=subject.kind.value, subject_uid=subject.uid,
        role=role, role_uid=role_uid, workspace_uid=workspace_uid, workspace=scope.workspace,
        project=scope.project, item=scope.item, subject=subject.claim, role_name=role,
        resource=scope.name, expire_time=ends, **made,
    )  # fmt: skip


async def clear(database: Database) -> None:
    """Takes everything away that `fill` made."""

    def delete_all(session: Session) -> None:
        for table in (RoleBinding, TeamMember, Team, CustomRole):
            session.execute(table.__table__.delete())  # type: ignore[attr-defined]

    await database.write(delete_all)


@pytest.mark.parametrize("chunk", range(3))
async def test_everything_decides_as_the_oracle_does(
    plane: Plane, admin: Client, chunk: int
) -> None:
    database = await plane.database()
    for workspace in ("w1", "w2"):
        await plane.new_workspace(admin, workspace)
    await clear(database)
    for seed in range(chunk * 4, chunk * 4 + 4):
        world = await database.write(fill, seed)
        for principal in world.principals:
            await _check_control_plane(database, world, principal)
        for workspace in ("w1", "w2"):
            await _check_workspace(database, world, workspace)
        await clear(database)


async def _check_control_plane(database: Database, world: World, principal: Subject) -> None:
    grants = await database.read(guards.grants_of, principal)
    for scope in (*scopes(), Scope(ORGANIZATION, "w1", "a", "runs/a/steps/s"), Scope("other")):
        assert held_on(grants, scope) == world.held(principal.uid, scope.name), scope.name


async def _check_workspace(database: Database, world: World, workspace: str) -> None:
    """What is held there by a grant from below concerns the control plane alone."""

    def stated(session: Session) -> statements.Statements:
        rows = session.query(Workspace).filter_by(id=workspace)
        return statements.read(session, SpiffeId("d", Role.WORKSPACE, rows.one().uid, new_uid()))

    policy = (await database.read(stated)).policy
    assert policy is not None
    grants = Grants.compile(policy_to_proto(policy, timedelta(hours=1)), world.now)
    for principal, project, item in itertools.product(world.principals, IDS, (*ITEMS, "runs/a/x")):
        name = Scope(ORGANIZATION, workspace, project, item).name
        expected = world.held(principal.uid, name) - FROM_BELOW
        local = name.partition(f"/workspaces/{workspace}/")[2]
        held = {p for p in CATALOGUE if grants.allows(principal.claim, p, local)}
        assert held - FROM_BELOW == expected, name

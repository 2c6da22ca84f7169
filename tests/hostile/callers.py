"""One caller of each kind at each server, in the order of the columns of the role matrix."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import uuid4

from meshkit.caller import CallerKind
from meshkit.spiffe import Role
from tests.controlplane import harness as planes
from tests.controlplane import programs
from tests.hostile.calls import Method, Outcome
from tests.hostile.world import CONTROL_PLANE, WORKLOADS, WORKSPACE, Door, Site, World
from tests.workspace import harness as workspaces
from tests.workspace.secret_clients import create as create_secret
from weftapi.controlplane.v1 import organizations_pb2, users_pb2
from weftapi.workspace.v1 import logs_pb2

# As in `role_matrix.txt`.
COLUMNS = (
    "anybody",
    "another organization's administrator",
    "anybody signed in",
    "viewer",
    "editor",
    "admin",
    "service account, an admin",
    "run",
    "gateway",
    "workspace",
    "workload manager",
    "control plane",
)
_PEERS = (Role.GATEWAY, Role.WORKSPACE, Role.WORKLOAD_MANAGER, Role.CONTROL_PLANE)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody at a listener, with a token or with a certificate alone."""

    door: Door
    token: str = ""
    # Their own, by resource type: what methods about oneself, or one's run, name.
    own: Mapping[str, str] = field(default_factory=dict)

    def call(self, method: Method, raw: bytes) -> Outcome:
        return self.door.call(method, raw, token=self.token)


Visitors = Mapping[str, Visitor]
# A token, and what is its principal's own.
Principal = tuple[str, dict[str, str]]


def everybody(hosts: World) -> dict[str, Visitors]:
    """The callers of each server, by its package and their column."""
    people = hosts.loop.run(_people(hosts))
    run = hosts.loop.run(_run(hosts))
    return {
        CONTROL_PLANE: _at(hosts.sites[CONTROL_PLANE], people, run),
        WORKSPACE: _at(hosts.sites[WORKSPACE], _members(hosts, people[0]), run),
        # It knows no issuer, so these are as good as any.
        WORKLOADS: _at(hosts.sites[WORKLOADS], people, run),
    }


def _at(site: Site, people: list[Principal], run: Principal) -> Visitors:
    callers = [
        Visitor(site.edge),
        *(Visitor(site.edge, *principal) for principal in (*people, run)),
        *(Visitor(site.mesh[role]) for role in _PEERS),
    ]
    return dict(zip(COLUMNS, callers, strict=True))


async def _people(hosts: World) -> list[Principal]:
    """Access tokens and subjects at the control plane, from the stranger's to the program's."""
    plane = hosts.plane
    admin = await plane.sign_in()
    known = [
        await _another(plane, admin),
        await plane.sign_in("eve@example.com"),
        *[
            await plane.new_user(admin, f"{role}@example.com", role=role)
            for role in ("viewer", "editor", "admin")
        ],
        await _program(plane, admin),
    ]
    return [_principal(client.tokens.access_token, client.subject) for client in known]


def _principal(token: str, subject: str) -> Principal:
    return token, {"weft.dev/User": subject}


async def _another(plane: planes.Plane, admin: planes.Client) -> planes.Client:
    """The administrator of an organization beside the first."""
    made = await admin.organizations.CreateOrganization(
        organizations_pb2.CreateOrganizationRequest(organization_id="acme")
    )
    email = "root@acme.example"
    created = await admin.users.CreateUser(
        users_pb2.CreateUserRequest(organization=made.name, user=users_pb2.User(email=email))
    )
    await admin.users.SetPassword(
        users_pb2.SetPasswordRequest(
            email=email, password_token=created.password_token, new_password=planes.PASSWORD
        )
    )
    await planes.bind(admin, created.user.name, "admin", made.name, parent=made.name)
    return await plane.sign_in(email)


async def _program(plane: planes.Plane, admin: planes.Client) -> planes.Client:
    account = await programs.new_account(admin, "robot")
    await planes.bind(admin, account.name, "admin", planes.ORGANIZATION)
    key = await programs.new_key(admin, account.name)
    return await programs.sign_in(plane, key.secret)


def _members(hosts: World, another: Principal) -> list[Principal]:
    """Tokens at the workspace; the stranger's is good for a workspace of their own."""
    ws, program = hosts.workspace, f"serviceAccounts/{uuid4()}"
    life = timedelta(hours=1)
    pushed = workspaces.policy(revision=2)
    pushed.grants.add(subject=program, role="admin")
    ws.apply_policy(pushed)
    subjects = (workspaces.STRANGER, workspaces.VIEWER, workspaces.EDITOR, workspaces.ADMIN)
    stranger = another[1]["weft.dev/User"]
    return [
        (ws.mesh.token(stranger, str(uuid4()), lifetime=life), {}),
        *[(ws.token(subject), {}) for subject in subjects],
        (_signed(ws, program, life), {}),
    ]


def _signed(ws: workspaces.Harness, program: str, lifetime: timedelta) -> str:
    kind = CallerKind.SERVICE_ACCOUNT
    return ws.mesh.signer.sign(kind, program, audience=ws.uid, lifetime=lifetime)


async def _run(hosts: World) -> Principal:
    """A run with everything that its token is for."""
    ws = hosts.workspace
    step = workspaces.spec_step("fit")
    step.secrets.append("own")
    await create_secret(ws, "own")
    snapshot = (await ws.create_snapshot(step)).name
    run = (await ws.create_run(snapshot=snapshot, run_id="own")).name
    stream = await ws.logs().CreateLogStream(
        logs_pb2.CreateLogStreamRequest(
            parent="projects/demo",
            log_stream_id="own",
            log_stream=logs_pb2.LogStream(run=run),
        )
    )
    return await ws.run_token(run), {
        "weft.dev/Snapshot": snapshot,
        "weft.dev/Secret": "secrets/own",
        "weft.dev/Run": run,
        "weft.dev/Step": f"{run}/steps/fit",
        "weft.dev/StepAttempt": f"{run}/steps/fit/attempts/1",
        "weft.dev/RunCondition": f"{run}/conditions/first",
        "weft.dev/LogStream": stream.name,
    }

"""Who may do what here: decided locally, on the policy that the control plane pushed.

The policy is kept in a file, so that a restart while the control plane is away changes nothing;
it serves until it is too old. Runs need no policy: a run token opens its own run.
"""

import os
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from google.protobuf.message import DecodeError, Message

from meshkit.access import MethodPolicy
from meshkit.caller import Caller, CallerKind
from meshkit.clock import Clock
from meshkit.errors import MeshError, PermissionDenied, Unavailable
from meshkit.files import write_private
from meshkit.resources import ID_PATTERN
from meshkit.scopes import ExtraCheck
from meshkit.tokens import unauthenticated
from weftapi.controlplane.v1 import enrollment_pb2
from workspace import names, step_tokens

Permissions = frozenset[str]
# What grants can be limited to: nothing, a project, one resource of it.
_GRANTED = re.compile(rf"(?:projects/{ID_PATTERN}(?:/[a-z][a-zA-Z]*/{ID_PATTERN})?)?")
_NOTHING: Permissions = frozenset()
_EVERYWHERE = ""
_FOR_EVER = datetime.max.replace(tzinfo=UTC)
# What the subjects of people and programs begin with: a kind and a name that do not fit
# together were never issued.
_PEOPLE = {CallerKind.USER: "users/", CallerKind.SERVICE_ACCOUNT: "serviceAccounts/"}
# Claims that name what a revocation can name beside the subject.
SESSION_CLAIM = "sid"
SNAPSHOT_CLAIM = "snapshot"
RUN_UID_CLAIM = "run_uid"


@dataclass(frozen=True, slots=True)
class Grants:
    """A policy, compiled: permissions by subject, then by what they hold on and below.

    That is "" for the whole workspace, "projects/p", or one shared resource "projects/p/runs/r".
    Grants that had ended are left out; from `valid_until` on the policy is to be compiled again.
    """

    workspace: str = ""
    max_age: timedelta = timedelta(0)
    subjects: Mapping[str, Mapping[str, Permissions]] = field(default_factory=dict)
    revoked: Mapping[str, datetime] = field(default_factory=dict)
    valid_until: datetime = _FOR_EVER

    @classmethod
    def compile(cls, policy: enrollment_pb2.Policy, now: datetime) -> "Grants":
        roles = {role.role: frozenset(role.permissions) for role in policy.roles}
        subjects: dict[str, dict[str, Permissions]] = {}
        valid_until = _FOR_EVER
        # A grant on something unreadable grants nothing.
        readable = {r for r in {g.resource for g in policy.grants} if _GRANTED.fullmatch(r)}
        for grant in policy.grants:
            resource = grant.resource
            ends = _end_of(grant)
            if ends <= now or resource not in readable:
                continue
            valid_until = min(valid_until, ends)
            given, held = roles.get(grant.role, _NOTHING), subjects.setdefault(grant.subject, {})
            held[resource] = held[resource] | given if resource in held else given
        revoked = {r.subject: r.not_before.ToDatetime(tzinfo=UTC) for r in policy.revocations}
        max_age = policy.max_age.ToTimedelta()
        return cls(policy.workspace, max_age, subjects, revoked, valid_until)

    def allows(self, subject: str, permission: str, resource: str) -> bool:
        """Whether the subject holds the permission on a resource, or on the workspace for ""."""
        held = self.subjects.get(subject, {})
        return any(permission in held.get(scope, ()) for scope in names.scopes(resource))

    def has_shared_run(self, subject: str, permission: str, project: str) -> bool:
        """Whether the subject holds the permission on a single run of the project."""
        held = self.subjects.get(subject, {})
        runs = f"projects/{project}/runs/"
        return any(scope.startswith(runs) and permission in own for scope, own in held.items())

    def projects(self, subject: str, permission: str) -> frozenset[str] | None:
        """Projects on all of which the subject holds the permission; None for every project."""
        held = self.subjects.get(subject, {})
        if permission in held.get(_EVERYWHERE, ()):
            return None
        return frozenset(
            names.project_of(scope)
            for scope, own in held.items()
            if permission in own and scope.count("/") == 1
        )

    def has_revoked(self, caller: Caller) -> bool:
        """Whether the caller's token, or the session it belongs to, is dead."""
        if not self.revoked:
            return False
        issued = datetime.fromtimestamp(_number(caller.claims.get("iat")), UTC)
        ids = (caller.subject, f"sessions/{caller.claims.get(SESSION_CLAIM, '')}")
        return any(issued < self.revoked[id_] for id_ in ids if id_ in self.revoked)


class Connection(Protocol):
    """The link to the control plane."""

    is_connected: bool


class Policies:
    """The newest policy, in memory and in a file only its owner can read.

    The file's time of change says when the control plane last stood by it.
    """

    def __init__(self, path: Path, *, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._link: Connection | None = None
        self._confirmed = datetime.min.replace(tzinfo=UTC)
        self._policy = enrollment_pb2.Policy()
        self._grants = Grants()
        self._revision = 0
        self.policy_revision = 0
        self._load()

    @property
    def grants(self) -> Grants:
        """What counts now."""
        now = self._clock.now()
        if now >= self._grants.valid_until:
            self._compile(now)
        return self._grants

    @property
    def revision(self) -> int:
        """Grows whenever decisions may have changed, also by a grant that ends."""
        _ = self.grants
        return self._revision

    def apply(self, policy: enrollment_pb2.Policy) -> None:
        """Takes over a policy that was just pushed; it replaces the one before."""
        write_private(self._path, policy.SerializeToString())
        self._take(policy)
        self.confirm()

    def confirm(self) -> None:
        """The control plane was heard of now, and has said nothing new."""
        self._confirmed = self._clock.now()
        if self._path.exists():
            stamp = self._confirmed.timestamp()
            os.utime(self._path, (stamp, stamp))

    def follow(self, link: "Connection") -> None:
        """Asks this whether the control plane is heard of right now."""
        self._link = link

    @property
    def is_fresh(self) -> bool:
        """Whether decisions may rest on the policy."""
        if self._link and self._link.is_connected:
            self._confirmed = self._clock.now()
        return self._clock.now() <= self._confirmed + self.grants.max_age

    def allows(self, caller: Caller, permission: str, resource: str) -> bool:
        """Whether somebody may do something with the token that they call with."""
        if caller.is_limited_to_others(permission):
            return False
        return self.grants.allows(caller.subject, permission, resource)

    def refusal(self, subject: str, permission: str, resource: str) -> MeshError | None:
        """Why somebody, who need not be calling, may not do something now; None where they may."""
        if not self.is_fresh:
            return _expired(self)
        allowed = self.grants.allows(subject, permission, resource)
        return None if allowed else _denied(permission)

    @property
    def confirmed_at(self) -> datetime:
        return self._confirmed

    def _take(self, policy: enrollment_pb2.Policy) -> None:
        self._policy = policy
        self.policy_revision = policy.revision
        self._compile(self._clock.now())

    def _compile(self, now: datetime) -> None:
        self._grants = Grants.compile(self._policy, now)
        # Our own count: the control plane's may go back when it is restored.
        self._revision += 1

    def _load(self) -> None:
        try:
            policy = enrollment_pb2.Policy.FromString(self._path.read_bytes())
        except (FileNotFoundError, DecodeError):
            return
        self._take(policy)
        self._confirmed = datetime.fromtimestamp(self._path.stat().st_mtime, UTC)


class RunStanding(Protocol):
    """Says whether the token of a run attempt still opens anything."""

    async def is_alive(self, project: str, run: str, uid: str) -> bool: ...

    async def is_newest(self, attempt: str) -> bool: ...


class Ownership(Protocol):
    """Says to which run something belongs that does not bear its name."""

    async def run_of(self, name: str) -> str: ...


class Access:
    """The authorizer of a workspace: people by policy, runs by their own name."""

    def __init__(self, policies: Policies, standing: RunStanding, owners: Ownership) -> None:
        self._policies = policies
        self._standing = standing
        self._owners = owners

    @property
    def revision(self) -> int:
        return self._policies.revision

    async def authorize(
        self,
        caller: Caller,
        policy: MethodPolicy,
        resource: str,
        request: Message | None,
    ) -> None:
        """As `meshkit.streams.Authorizer`; Unauthenticated for what was revoked."""
        if caller.kind is CallerKind.RUN:
            await self._authorize_run(caller, policy, resource)
            if not step_tokens.opens(caller, policy, resource, request):
                raise _denied(policy.permission)
        elif caller.kind in _PEOPLE:
            await self._authorize_person(caller, policy, resource)

    def visible(self, caller: Caller, permission: str, parent: str) -> frozenset[str] | None:
        """The projects that a list or watch below `parent` may show; None for all of them."""
        project = names.project_of(parent)
        if project and project != names.WILDCARD:
            return frozenset({project})
        return self._policies.grants.projects(caller.subject, permission)

    async def _authorize_person(self, caller: Caller, policy: MethodPolicy, resource: str) -> None:
        policies = self._policies
        is_whole = caller.subject.startswith(_PEOPLE[caller.kind])
        if not is_whole or policies.grants.has_revoked(caller):
            raise unauthenticated()
        if not policies.is_fresh:
            raise _expired(policies)
        if policy.permission and not await self._holds(caller, policy, resource):
            raise _denied(policy.permission)

    async def _holds(self, caller: Caller, policy: MethodPolicy, resource: str) -> bool:
        grants, permission = self._policies.grants, policy.permission
        if policy.filter_results and resource in ("", f"projects/{names.WILDCARD}"):
            projects = grants.projects(caller.subject, permission)
            return projects is None or bool(projects)
        if grants.allows(caller.subject, permission, resource):
            return True
        if not grants.has_shared_run(caller.subject, permission, names.project_of(resource)):
            return False
        run = await self._owners.run_of(resource)
        return bool(run) and grants.allows(caller.subject, permission, run)

    def require_project(self, permission: str) -> ExtraCheck:
        """An extra check of what looks beyond the thing it names: held on all of its project."""

        async def check(caller: Caller, request: Message) -> None:
            project = names.project(names.project_of(request.name))  # type: ignore[attr-defined]
            if not self._policies.allows(caller, permission, project):
                raise _denied(permission)

        return check

    def require(self, permission: str) -> Callable[[Caller, str], Awaitable[None]]:
        """For extra checks of what a request does beside its permission: held on the resource."""

        async def check(caller: Caller, resource: str) -> None:
            if not self._policies.allows(caller, permission, resource):
                raise _denied(permission)

        return check

    async def _authorize_run(self, caller: Caller, policy: MethodPolicy, resource: str) -> None:
        project, run, _attempt = names.ids(caller.subject)
        uid = str(caller.claims.get(RUN_UID_CLAIM, ""))
        attempt = step_tokens.attempt_of(caller)
        is_alive = await self._standing.is_alive(project, run, uid)
        if not is_alive or (attempt and not await self._standing.is_newest(attempt)):
            raise unauthenticated()
        if policy.permission and not _opens(caller, project, run, policy.permission, resource):
            raise _denied(policy.permission)


# What a run token opens, by permission: its own run and what is below it; then exact names, and
# prefixes, of its project. Checks on the data itself are the methods' extra checks.
_OF_OWN_RUN = frozenset({"runs.alert", "runs.get", "runs.report"})
_IN_PROJECT = frozenset({"runs.report", "artifacts.create", "logs.append", "models.list"})
_BELOW_PROJECT = {
    "artifacts.get": "artifacts",
    "logs.append": "logStreams",
    "models.create": "models",
    "models.get": "models",
    "models.link": "models",
    "models.list": "models",
}


def _opens(caller: Caller, project: str, run: str, permission: str, resource: str) -> bool:
    own = names.run(project, run)
    if permission in ("secrets.access", "connectors.issue"):
        return True  # the snapshot or stack says which: an extra check of the methods
    if permission in _OF_OWN_RUN and f"{resource}/".startswith(f"{own}/"):
        return True
    if permission == "snapshots.get":
        return bool(resource) and resource == caller.claims.get(SNAPSHOT_CLAIM)
    if permission in _IN_PROJECT and resource == names.project(project):
        return True
    collection = _BELOW_PROJECT.get(permission)
    return bool(collection) and resource.startswith(f"projects/{project}/{collection}/")


def own_run_only(
    names_of: Callable[[Message], list[str]],
) -> ExtraCheck:
    """An extra check: whatever names of a request these are, a run token's lie in its own run."""

    async def check(caller: Caller, request: Message) -> None:
        if caller.kind is not CallerKind.RUN:
            return
        project, run, _attempt = names.ids(caller.subject)
        own, step = names.run(project, run), step_tokens.step_of(caller)
        for name in names_of(request):
            is_others = bool(step) and "/steps/" in name and name != step
            if is_others or not f"{name}/".startswith(f"{own}/"):
                raise PermissionDenied("NOT_PERMITTED", "A run token reaches its own run only.")

    return check


def _expired(policies: Policies) -> Unavailable:
    return Unavailable(
        "POLICY_EXPIRED",
        "This workspace has not heard of the control plane for too long to decide.",
        metadata={"policyTime": policies.confirmed_at.isoformat()},
    )


def _denied(permission: str) -> PermissionDenied:
    # The same bytes whether or not the resource exists: nothing but the permission is named.
    return PermissionDenied(
        "NOT_PERMITTED",
        "You do not have this permission there, or it does not exist.",
        metadata={"permission": permission},
    )


def _end_of(grant: enrollment_pb2.PolicyGrant) -> datetime:
    if not grant.HasField("expire_time"):
        return _FOR_EVER
    return grant.expire_time.ToDatetime(UTC)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0

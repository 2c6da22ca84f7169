"""Access tokens: who signs them, for whom they are, how long they live. Decided here alone.

- issuer: the control plane's SPIFFE id, which every member of the mesh learns when it enrols;
- audience: that same id for the control plane, the workspace's UUID for a workspace;
- subject "users/<uuid>" or "serviceAccounts/<uuid>"; `sid` the session, personal access token
  or API key it was made from, which revocations name as "sessions/<sid>"; `name`, and `email`
  of a person, to read; `scope` the permissions that it is limited to.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from controlplane.identity.keys import KeyRing
from controlplane.store.schema import User, Workspace
from controlplane.store.schema_accounts import ServiceAccount
from controlplane.subjects import Subject, SubjectKind
from meshkit.caller import Caller, CallerKind
from meshkit.clock import Clock
from meshkit.errors import Unauthenticated
from meshkit.tokens import NAME_CLAIM, SCOPE_CLAIM, SKEW, unauthenticated

SESSION_CLAIM = "sid"
_SUBJECTS = {
    CallerKind.USER: ("users", SubjectKind.USER),
    CallerKind.SERVICE_ACCOUNT: ("serviceAccounts", SubjectKind.SERVICE_ACCOUNT),
}


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long tokens and sessions live."""

    access: timedelta
    workspace: timedelta
    session: timedelta
    idle: timedelta
    # Of what programs get that sign in by a token from elsewhere.
    federated: timedelta

    @property
    def longest(self) -> timedelta:
        """After this nothing signed today verifies any more."""
        return max(self.access, self.workspace, self.federated) + SKEW


@dataclass(frozen=True, slots=True)
class Origin:
    """What a token is made from: a session, token or key of a principal, and its end."""

    principal: User | ServiceAccount
    uid: UUID
    ends_at: datetime
    # The permissions that its tokens are limited to; None where they are not.
    scope: frozenset[str] | None = None
    # Nothing renews its tokens: the first one lasts to the end.
    is_final: bool = False

    @property
    def claims(self) -> dict[str, str]:
        """What its tokens say beside whose they are."""
        principal = self.principal
        email = {"email": principal.email} if isinstance(principal, User) else {}
        scope = {SCOPE_CLAIM: " ".join(sorted(self.scope))} if self.scope is not None else {}
        return {SESSION_CLAIM: str(self.uid), NAME_CLAIM: principal.label, **email, **scope}


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A signed token and what callers are told about it."""

    encoded: str
    expire_time: datetime
    audience: str


class TokenIssuer:
    """Makes access tokens."""

    def __init__(self, ring: KeyRing, lifetimes: Lifetimes, clock: Clock) -> None:
        self._ring = ring
        self._lifetimes = lifetimes
        self._clock = clock

    @property
    def audience(self) -> str:
        """Of tokens for the control plane."""
        return self._ring.issuer

    def for_control_plane(self, origin: Origin) -> AccessToken:
        lifetimes = self._lifetimes
        lifetime = lifetimes.federated if origin.is_final else lifetimes.access
        return self._sign(origin, self.audience, self.audience, lifetime)

    def for_workspace(self, origin: Origin, workspace: Workspace) -> AccessToken:
        lifetime = self._lifetimes.workspace
        return self._sign(origin, str(workspace.uid), workspace.name, lifetime)

    def _sign(
        self, origin: Origin, audience: str, audience_name: str, lifetime: timedelta
    ) -> AccessToken:
        now = self._clock.now()
        # Nothing outlives what it was made from.
        lifetime = min(lifetime, origin.ends_at - now)
        subject = origin.principal.subject
        encoded = self._ring.signer.sign(
            CallerKind(subject.kind.value),
            subject.claim,
            audience=audience,
            lifetime=lifetime,
            claims=origin.claims,
        )
        # The claim has whole seconds.
        expire_time = datetime.fromtimestamp(int(now.timestamp()), UTC) + timedelta(
            seconds=int(lifetime.total_seconds())
        )
        return AccessToken(encoded, expire_time, audience_name)


def subject_of(caller: Caller) -> Subject:
    """The person or program who calls; raises Unauthenticated for anybody else."""
    if caller.kind not in _SUBJECTS:
        raise unauthenticated()
    collection, kind = _SUBJECTS[caller.kind]
    return Subject(kind, _uid(caller.subject.removeprefix(f"{collection}/")), caller.scope)


def user_uid_of(caller: Caller) -> UUID:
    """The user who calls; raises Unauthenticated for anybody else."""
    if caller.kind is not CallerKind.USER:
        raise unauthenticated()
    return subject_of(caller).uid


def session_uid_of(caller: Caller) -> UUID:
    """The session, personal access token or API key that the caller's token was made from."""
    return _uid(str(caller.claims.get(SESSION_CLAIM, "")))


def end_of(caller: Caller) -> datetime:
    """When the caller's token ends."""
    return datetime.fromtimestamp(int(str(caller.claims["exp"])), UTC)


def _uid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise _not_ours() from error


def _not_ours() -> Unauthenticated:
    return unauthenticated()

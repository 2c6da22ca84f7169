"""Federated credentials: rules on tokens from elsewhere, and the tokens that fit them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from controlplane import store
from controlplane.identity import claims
from controlplane.identity.claims import SUBJECT, Rule
from controlplane.identity.opaque import invalid_grant
from controlplane.identity.providers.assertions import Assertion
from controlplane.identity.tokens import Lifetimes, Origin
from controlplane.operations import guards, revocations, service_accounts
from controlplane.operations.api_keys import COARSE
from controlplane.operations.refusals import absent, require_etag, taken
from controlplane.operations.service_accounts import AccountName
from controlplane.store.schema_accounts import FederatedCredential, ServiceAccount, UsedAssertion
from controlplane.subjects import Subject
from meshkit.errors import FieldViolation, InvalidArgument, ResourceExhausted
from meshkit.feed import ChangeKind
from meshkit.session import Session
from meshkit.tokens import SKEW

MAX_CREDENTIALS = 10
REPLAYED = "it was exchanged before"
_FIELDS = ("issuer", "audience", "subject", "conditions", "reusable")


@dataclass(frozen=True, slots=True)
class NewCredential:
    """Rules to make: an issuer whose URL was checked, and what its tokens must say."""

    id: str
    display_name: str
    description: str
    issuer: str
    audience: str
    subject: str
    conditions: tuple[Rule, ...]
    is_reusable: bool

    def require_sound(self) -> None:
        """Raises InvalidArgument with every rule that would let in more than is meant."""
        problems = {
            "audience": "" if self.audience else "is required",
            "subject": claims.subject_problem(self.issuer, self.subject),
            **{f"conditions[{i}].value": c.problem for i, c in enumerate(self.conditions)},
        }
        found = [
            FieldViolation(f"federated_credential.{field}", problem)
            for field, problem in problems.items()
            if problem
        ]
        if found:
            message = f"{found[0].field} {found[0].description}."
            raise InvalidArgument("INVALID_FIELDS", message, violations=found)


def create(
    session: Session, name: AccountName, new: NewCredential, *, caller: Subject
) -> FederatedCredential:
    """Makes a credential; raises NotFound, AlreadyExists, PRIVILEGE_ESCALATION, QUOTA_EXCEEDED."""
    account = service_accounts.require_locked(session, name)
    service_accounts.require_covered(session, account, caller)
    if store.federated_credentials.get(session, account.uid, new.id) is not None:
        raise taken(f"{name}/federatedCredentials/{new.id}")
    if len(store.federated_credentials.all_of(session, account.uid)) >= MAX_CREDENTIALS:
        raise ResourceExhausted(
            "QUOTA_EXCEEDED", f"{name} has {MAX_CREDENTIALS} federated credentials already."
        )
    row = FederatedCredential(
        account_uid=account.uid,
        account=account.name,
        id=new.id,
        display_name=new.display_name,
        description=new.description,
        issuer=new.issuer,
        audience=new.audience,
        subject=new.subject,
        conditions=[[rule.claim, rule.value] for rule in new.conditions],
        is_reusable=new.is_reusable,
        creator=caller.claim,
        create_time=session.now,
        update_time=session.now,
    )
    session.add(row)
    session.flush()
    session.emit(ChangeKind.CREATED, row)
    session.audited(resource=row.name, fields=_FIELDS)
    return row


def update(
    session: Session, name: AccountName, id_: str, values: Mapping[str, str], *, etag: str
) -> FederatedCredential:
    """Gives fields new values; raises NotFound, or Aborted for another etag."""
    row = require(session, service_accounts.require_locked(session, name), id_)
    require_etag(row, etag)
    fields = tuple(field for field, value in values.items() if getattr(row, field) != value)
    for field in fields:
        setattr(row, field, values[field])
    if fields:
        row.update_time = session.now
        session.emit(ChangeKind.UPDATED, row, fields=fields)
        session.audited(resource=row.name, fields=fields)
    return row


def delete(
    session: Session, name: AccountName, id_: str, *, caller: Subject, lifetimes: Lifetimes
) -> None:
    """Deletes a credential with all tokens that were given by it; raises NotFound.

    PRIVILEGE_ESCALATION for a caller who holds less than the account.
    """
    account = service_accounts.require_locked(session, name)
    guards.require_covers(session, caller, account.subject)
    row = require(session, account, id_)
    session.emit(ChangeKind.DELETED, row)
    session.delete(row)
    revocations.revoke_origin(session, row.uid, lifetimes=lifetimes)
    session.audited(resource=row.name)


def require(session: Session, account: ServiceAccount, id_: str) -> FederatedCredential:
    """The credential; raises NotFound."""
    row = store.federated_credentials.get(session, account.uid, id_)
    if row is None:
        raise absent(f"{account.name}/federatedCredentials/{id_}")
    return row


def trusts(session: Session, name: AccountName, issuer: str, audience: str) -> bool:
    """Whether tokens of this issuer, for this audience, may count for the account at all."""
    account = store.service_accounts.get(session, name.organization, name.id)
    if account is None or not account.is_enabled:
        return False
    return bool(store.federated_credentials.naming(session, account.uid, issuer, audience))


def exchange(
    session: Session,
    name: AccountName,
    assertion: Assertion,
    *,
    issuer: str,
    audience: str,
    lifetimes: Lifetimes,
) -> Origin | str:
    """What tokens are made from; in words where no rule takes the assertion."""
    account = store.service_accounts.get(session, name.organization, name.id)
    if account is None or not account.is_enabled:
        return "the account is away"
    rows = store.federated_credentials.naming(session, account.uid, issuer, audience)
    row = next((row for row in rows if claims.accept_all(_rules(row), assertion.claims)), None)
    if row is None:
        return "its claims fit no rule of the account"
    if not row.is_reusable and not _use_up(session, assertion):
        return REPLAYED
    if row.last_used_time is None or session.now - row.last_used_time >= COARSE:
        row.last_used_time = session.now.replace(second=0, microsecond=0)
    session.audited(resource=row.name)
    return Origin(account, row.uid, session.now + lifetimes.federated, is_final=True)


def origin_of(
    session: Session, account: ServiceAccount, sid: UUID, *, until: datetime
) -> Origin | None:
    """What tokens are made from that a credential gave until a time; None where it is gone."""
    row = store.federated_credentials.find(session, account.uid, sid)
    return Origin(account, row.uid, until, is_final=True) if row else None


def _rules(row: FederatedCredential) -> list[Rule]:
    return [Rule(SUBJECT, row.subject), *(Rule(*condition) for condition in row.conditions)]


def _use_up(session: Session, assertion: Assertion) -> bool:
    """Whether this is the first use of the token; INVALID_GRANT for the later of two at once."""
    if store.federated_credentials.is_used(session, assertion.digest):
        return False
    used = UsedAssertion(digest=assertion.digest, expire_time=assertion.expires_at + 2 * SKEW)
    if not store.unique.insert(session, used):
        raise invalid_grant()
    return True

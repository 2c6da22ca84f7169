"""Trusted domains: claimed by a name, proven by a DNS record that only its owner can make."""

import secrets
from uuid import UUID

from controlplane import store
from controlplane.operations.identity_providers import require_all_permissions
from controlplane.operations.refusals import absent
from controlplane.store.schema_identity import TrustedDomain
from controlplane.subjects import Subject
from meshkit.errors import AlreadyExists
from meshkit.feed import ChangeKind
from meshkit.session import Session

_LABEL = "_weft-domain"
_PREFIX = "weft-domain-verification="


def add(session: Session, organization: str, domain: str, *, creator: Subject) -> TrustedDomain:
    """Claims a domain; raises AlreadyExists or PRIVILEGE_ESCALATION."""
    require_all_permissions(session, organization, creator)
    domain = domain.lower()
    is_taken = store.trusted_domains.by_domain(session, organization, domain) is not None
    row = TrustedDomain(
        organization=organization,
        domain=domain,
        challenge=_PREFIX + secrets.token_hex(20),
        creator=creator.claim,
        create_time=session.now,
    )
    if is_taken or not store.unique.insert(session, row):
        raise AlreadyExists("RESOURCE_EXISTS", f"The organization has {domain} already.")
    session.emit(ChangeKind.CREATED, row)
    session.audited(resource=row.name, fields=("domain",))
    return row


def verified(session: Session, organization: str, uid: UUID, *, caller: Subject) -> TrustedDomain:
    """Trusts a domain whose record was found; raises NotFound where it was removed meanwhile."""
    require_all_permissions(session, organization, caller)
    row = require(session, organization, uid)
    row.verify_time = session.now
    session.emit(ChangeKind.UPDATED, row, fields=("verify_time",))
    session.audited(resource=row.name, fields=("verify_time",))
    return row


def remove(session: Session, organization: str, uid: UUID, *, caller: Subject) -> None:
    """Trusts a domain no longer."""
    require_all_permissions(session, organization, caller)
    row = require(session, organization, uid)
    session.emit(ChangeKind.DELETED, row)
    session.delete(row)
    session.audited(resource=row.name)


def require(session: Session, organization: str, uid: UUID) -> TrustedDomain:
    """The domain; raises NotFound."""
    row = store.trusted_domains.get(session, organization, uid)
    if row is None:
        raise absent(f"organizations/{organization}/trustedDomains/{uid}")
    return row


def is_trusted(session: Session, organization: str, email: str) -> bool:
    """Whether an address lies in a domain that the organization has proven to be its own.

    The domain itself and none below it: a subdomain may be somebody else's.
    """
    domain = email.rpartition("@")[2].lower()
    row = store.trusted_domains.by_domain(session, organization, domain) if domain else None
    return row is not None and row.verify_time is not None


def record_name(row: TrustedDomain) -> str:
    """Where the TXT record must stand."""
    return f"{_LABEL}.{row.domain}"

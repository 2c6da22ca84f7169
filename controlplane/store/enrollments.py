"""Queries of enrollments and of the certificates that were issued for them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from controlplane.store.locks import locked
from controlplane.store.schema import Certificate, Enrollment, EnrollmentWorkspace, Workspace
from controlplane.store.schema_authority import Root
from meshkit.paging import OrderKey, Orders, Window
from meshkit.session import Session
from meshkit.spiffe import Role

ORDERS = Orders(
    keys=(OrderKey("create_time", Enrollment.create_time),),
    uid=OrderKey("uid", Enrollment.uid),
)
_IS_LIVE = sa.and_(Enrollment.use_time.is_not(None), Enrollment.revoke_time.is_(None))


def lock(session: Session, organization: str, uid: UUID) -> Enrollment | None:
    query = sa.select(Enrollment).where(
        Enrollment.organization == organization, Enrollment.uid == uid
    )
    return session.scalars(locked(query)).first()


def find(session: Session, uid: UUID) -> Enrollment | None:
    """Whatever the organization: for a service that is not known yet."""
    return session.get(Enrollment, uid)


def lock_any(session: Session, uid: UUID) -> Enrollment | None:
    """As `find`, and no other transaction uses or revokes it meanwhile."""
    query = sa.select(Enrollment).where(Enrollment.uid == uid)
    return session.scalars(locked(query)).first()


def by_serial(session: Session, serial: str) -> Enrollment | None:
    """The enrollment that a certificate was issued for."""
    query = (
        sa.select(Enrollment)
        .join(Certificate, Certificate.enrollment_uid == Enrollment.uid)
        .where(Certificate.serial == serial)
    )
    return session.scalars(query).first()


def is_live(session: Session, spiffe_id: str) -> bool:
    """Whether a service with this identity has joined and was not struck off."""
    query = sa.select(Enrollment.uid).where(Enrollment.spiffe_id == spiffe_id, _IS_LIVE)
    return session.scalars(query.limit(1)).first() is not None


def live_of(session: Session, spiffe_ids: Sequence[str]) -> set[str]:
    """Those of the identities that have joined and were not struck off."""
    query = sa.select(Enrollment.spiffe_id).where(
        session.among(Enrollment.spiffe_id, list(spiffe_ids)), _IS_LIVE
    )
    return set(session.scalars(query))


def is_certified(session: Session, spiffe_id: str, until: datetime) -> bool:
    """Whether a service holds a certificate that is valid for so long, and not denied."""
    query = (
        sa.select(Certificate.serial)
        .join(Enrollment, Enrollment.uid == Certificate.enrollment_uid)
        .where(Enrollment.spiffe_id == spiffe_id, _IS_LIVE, Certificate.not_after > until)
    )
    return session.scalars(query.limit(1)).first() is not None


def list_page(session: Session, organization: str, window: Window) -> Sequence[Enrollment]:
    query = sa.select(Enrollment).where(Enrollment.organization == organization)
    return session.scalars(window.apply(query)).all()


def workspaces_of(session: Session, enrollments: Sequence[UUID]) -> dict[UUID, list[Workspace]]:
    """The workspaces that each enrollment names, removed ones too, in the order of their ids."""
    query = (
        sa.select(EnrollmentWorkspace.enrollment_uid, Workspace)
        .join(Workspace, Workspace.uid == EnrollmentWorkspace.workspace_uid)
        .where(session.among(EnrollmentWorkspace.enrollment_uid, list(enrollments)))
        .order_by(Workspace.id)
    )
    found: dict[UUID, list[Workspace]] = defaultdict(list)
    for enrollment_uid, workspace in session.execute(query):
        found[enrollment_uid].append(workspace)
    return found


def served_by(session: Session, enrollments: Sequence[UUID]) -> Sequence[Workspace]:
    """The workspaces that some enrollments name, or take in unnamed; none that was removed."""
    among = session.among(Enrollment.uid, list(enrollments))
    named = sa.select(EnrollmentWorkspace.workspace_uid).where(
        session.among(EnrollmentWorkspace.enrollment_uid, list(enrollments))
    )
    whole = sa.select(Enrollment.organization).where(among, Enrollment.all_workspaces)
    query = sa.select(Workspace).where(
        Workspace.uid.in_(named) | Workspace.organization.in_(whole),
        Workspace.delete_time.is_(None),
    )
    return session.scalars(query.order_by(Workspace.uid)).all()


def servers_of(session: Session, workspaces: Sequence[Workspace]) -> Mapping[Enrollment, Workspace]:
    """The live enrollments of the servers of workspaces."""
    query = (
        sa.select(Enrollment, Workspace)
        .join(EnrollmentWorkspace, EnrollmentWorkspace.enrollment_uid == Enrollment.uid)
        .join(Workspace, Workspace.uid == EnrollmentWorkspace.workspace_uid)
        .where(session.among(Workspace.uid, [workspace.uid for workspace in workspaces]))
        .where(Enrollment.role == Role.WORKSPACE.value, _IS_LIVE)
    )
    return dict(session.execute(query).all())


def serving(session: Session, workspace: Workspace) -> Sequence[Enrollment]:
    """The enrollments that name a workspace, or take it in unnamed, unless revoked."""
    named = sa.select(EnrollmentWorkspace.enrollment_uid).where(
        EnrollmentWorkspace.workspace_uid == workspace.uid
    )
    is_of_all = sa.and_(
        Enrollment.organization == workspace.organization, Enrollment.all_workspaces
    )
    query = (
        sa.select(Enrollment)
        .where(Enrollment.uid.in_(named) | is_of_all, Enrollment.revoke_time.is_(None))
        .order_by(Enrollment.uid)
    )
    return session.scalars(query).all()


def of_service(session: Session, spiffe_id: str) -> Sequence[Enrollment]:
    """The live enrollments of one identity."""
    query = sa.select(Enrollment).where(Enrollment.spiffe_id == spiffe_id, _IS_LIVE)
    return session.scalars(query.order_by(Enrollment.uid)).all()


def denied_serials(session: Session) -> Sequence[str]:
    """Certificates that have not expired and whose enrollment was revoked, or root forgotten."""
    # TLS refuses the latter only in handshakes: connections that are open would live on.
    is_denied = sa.or_(
        Enrollment.revoke_time.is_not(None), Certificate.root.not_in(sa.select(Root.fingerprint))
    )
    query = (
        sa.select(Certificate.serial)
        .join(Enrollment, Enrollment.uid == Certificate.enrollment_uid)
        .where(is_denied, Certificate.not_after > session.now)
        .order_by(Certificate.serial)
    )
    return session.scalars(query).all()


def purge_certificates(session: Session, before: datetime) -> None:
    session.execute(sa.delete(Certificate).where(Certificate.not_after < before))

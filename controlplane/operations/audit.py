"""What is written to audit chains beside the rows of calls."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from controlplane import store
from controlplane.chains import chain_of
from controlplane.operations import own_acts
from controlplane.store.schema_audit import AuditCheckpoint
from meshkit.audit import THE_CHAIN
from meshkit.chain import Broken, Position, Row, follow
from meshkit.session import Session

_DATA_LOSS = store.audit.CODES.index("DATA_LOSS")


@dataclass(frozen=True, slots=True)
class Shipped:
    """Rows that stand next to each other in a workspace's own chain, after a place in it.

    `replaced` where that history no longer holds what arrived before.
    """

    after: Position
    rows: Sequence[Row]
    replaced: bool = False


def keep_checkpoint(session: Session, row: AuditCheckpoint) -> None:
    """Keeps a checkpoint; of two that state the same, the first."""
    known = store.audit.checkpoints(session, row.chain, first=row.sequence, last=row.sequence)
    if row.kind not in {other.kind for other in known}:
        session.add(row)


def note_export(session: Session, parent: str, chain: str, sequence: int) -> None:
    """Says in the chain of the organization that somebody exported, and from where on."""
    session.audited(resource=f"{parent}/auditEvents", fields=(chain, f"after {sequence}"))


def note_key(session: Session, parent: str, kid: str) -> None:
    """Says which key signs checkpoints from now on."""
    session.audited(resource=f"{parent}/auditKeys/{kid}")


def note_lost(session: Session, chain: str, sequence: int) -> None:
    """Says that rows which a checkpoint vouched for are not in the database, which was restored."""
    resource = f"{chain}/auditCheckpoints/{sequence}"
    reason = "AUDIT_HISTORY_LOST"
    own_acts.record(session, chain, "Audit.HistoryLost", resource, code=_DATA_LOSS, reason=reason)


def prune(session: Session, anchor: AuditCheckpoint) -> None:
    """Deletes the rows up to an anchor, which stays in their place."""
    store.audit.drop_before(session, anchor.chain, anchor)
    keep_checkpoint(session, anchor)
    resource = f"{anchor.chain}/auditCheckpoints/{anchor.sequence}"
    own_acts.record(session, anchor.chain, "Audit.Prune", resource)


def position(session: Session, workspace_uid: UUID) -> Position:
    """How far a workspace's rows have arrived."""
    return store.audit.source(session, workspace_uid) or Position()


def receive(session: Session, workspace_uid: UUID, shipped: Shipped) -> Position:
    """Takes over rows of a workspace; returns how far they have arrived now.

    Rows that are here already are passed over, by their UUIDs. A history that was replaced or
    altered in the workspace is taken as it is, and that it was so is said.
    """
    workspace = store.workspaces.find(session, workspace_uid)
    arrived = store.audit.lock_source(session, workspace_uid) or Position()
    is_next = shipped.after == arrived or shipped.replaced
    if workspace is None or not is_next:
        return arrived
    chain, name = chain_of(workspace.organization), workspace.name
    if shipped.replaced:
        _note(session, chain, name, "AUDIT_HISTORY_REPLACED", arrived.sequence)
    walked = follow(THE_CHAIN, shipped.after, shipped.rows)
    if isinstance(walked, Broken):
        _note(session, chain, name, "AUDIT_CHAIN_BROKEN", walked.sequence)
    known = store.audit.known(session, [row.record.uid for row in shipped.rows])
    for row in shipped.rows:
        if row.record.uid not in known:
            session.record(row.record._replace(workspace=name), chain=chain)
    newest = shipped.rows[-1]
    store.audit.keep_source(session, workspace_uid, Position(newest.sequence, newest.hash))
    return Position(newest.sequence, newest.hash)


def _note(session: Session, chain: str, workspace: str, reason: str, sequence: int) -> None:
    resource = f"{workspace}/auditEvents/{sequence}"
    own_acts.record(session, chain, "Audit.ReceiveBatch", resource, code=_DATA_LOSS, reason=reason)

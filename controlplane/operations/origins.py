"""What a caller's token was made from: the session, token or key behind it, while that stands."""

from datetime import datetime
from uuid import UUID

from controlplane import store
from controlplane.identity.opaque import invalid_grant
from controlplane.identity.tokens import Origin, end_of, session_uid_of, subject_of
from controlplane.operations import api_keys, federated_credentials, personal_tokens, sessions
from controlplane.subjects import SubjectKind
from meshkit.caller import Caller
from meshkit.session import Session


def of(session: Session, caller: Caller) -> Origin:
    """The origin of the caller's own token; raises INVALID_GRANT where it has ended."""
    subject, sid = subject_of(caller), session_uid_of(caller)
    is_program = subject.kind is SubjectKind.SERVICE_ACCOUNT
    origin = (
        _of_program(session, subject.uid, sid, until=end_of(caller))
        if is_program
        else _of_person(session, subject.uid, sid)
    )
    if origin is None:
        raise invalid_grant()
    return origin


def _of_program(
    session: Session, account_uid: UUID, sid: UUID, *, until: datetime
) -> Origin | None:
    account = store.service_accounts.find(session, account_uid)
    if account is None or not account.is_enabled:
        return None
    return api_keys.origin_of(session, account, sid) or federated_credentials.origin_of(
        session, account, sid, until=until
    )


def _of_person(session: Session, user_uid: UUID, sid: UUID) -> Origin | None:
    user = store.users.get(session, user_uid)
    if user is None or not user.is_active:
        return None
    return sessions.origin_of(session, user, sid) or personal_tokens.origin_of(session, user, sid)

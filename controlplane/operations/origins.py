"""What a caller's token was made from: the session, token or key behind it, while that stands."""

from uuid import UUID

from controlplane import store
from controlplane.identity.opaque import invalid_grant
from controlplane.identity.tokens import Origin, session_uid_of, subject_of
from controlplane.operations import api_keys, personal_tokens, sessions
from controlplane.subjects import SubjectKind
from meshkit.caller import Caller
from meshkit.session import Session


def of(session: Session, caller: Caller) -> Origin:
    """The origin of the caller's own token; raises INVALID_GRANT where it has ended."""
    subject, sid = subject_of(caller), session_uid_of(caller)
    if subject.kind is SubjectKind.SERVICE_ACCOUNT:
        return api_keys.origin_of(session, subject.uid, sid)
    return _of_person(session, subject.uid, sid)


def _of_person(session: Session, user_uid: UUID, sid: UUID) -> Origin:
    user = store.users.get(session, user_uid)
    if user is None or not user.is_active:
        raise invalid_grant()
    origin = sessions.origin_of(session, user, sid) or personal_tokens.origin_of(session, user, sid)
    if origin is None:
        raise invalid_grant()
    return origin

"""What a caller's token was made from: the session, token or key behind it, while that stands."""

from controlplane.identity.tokens import Origin, session_uid_of, subject_of
from controlplane.operations import api_keys, sessions
from controlplane.subjects import SubjectKind
from meshkit.caller import Caller
from meshkit.session import Session


def of(session: Session, caller: Caller) -> Origin:
    """The origin of the caller's own token; raises INVALID_GRANT where it has ended."""
    subject, sid = subject_of(caller), session_uid_of(caller)
    if subject.kind is SubjectKind.SERVICE_ACCOUNT:
        return api_keys.origin_of(session, subject.uid, sid)
    return sessions.origin_of(session, subject.uid, sid)

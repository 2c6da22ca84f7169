"""Audit rows of what the control plane does, or finds, by itself: no caller asked for just that."""

from meshkit.chain import Record
from meshkit.ids import new_uid
from meshkit.session import Session


def record(
    session: Session,
    chain: str,
    action: str,
    resource: str,
    *,
    on_word_of: str = "",
    code: int = 0,
    reason: str = "",
) -> None:
    """Adds a row to a chain, in the transaction of the act; `code` is a google.rpc.Code.

    `on_word_of` names who promised, or vouches for, what is done. The call that set it off, if
    one did, is told by its request.
    """
    call = session.call
    row = Record(
        uid=new_uid(),
        time=session.now,
        workspace="",
        method="",
        action=action,
        actor_kind="system",
        actor=on_word_of,
        actor_name="",
        peer="",
        address="",
        user_agent="",
        resource=resource,
        fields=[],
        code=code,
        reason=reason,
        request_id=call.request_id if call else "",
        trace_id=call.trace_id if call else "",
    )
    session.record(row, chain=chain)

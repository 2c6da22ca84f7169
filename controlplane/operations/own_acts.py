"""Audit rows of what the control plane does, or finds, by itself: no caller stands behind them."""

from meshkit.chain import Record
from meshkit.ids import new_uid
from meshkit.session import Session


def record(
    session: Session, chain: str, action: str, resource: str, *, code: int = 0, reason: str = ""
) -> None:
    """Adds a row to a chain, in the transaction of the act; `code` is a google.rpc.Code."""
    row = Record(
        uid=new_uid(),
        time=session.now,
        workspace="",
        method="",
        action=action,
        actor_kind="system",
        actor="",
        actor_name="",
        peer="",
        address="",
        user_agent="",
        resource=resource,
        fields=[],
        code=code,
        reason=reason,
        request_id="",
        trace_id="",
    )
    session.record(row, chain=chain)

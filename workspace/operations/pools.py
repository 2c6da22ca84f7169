"""What is kept of changes to pools, which are the workload managers' own: who made them."""

from meshkit.session import Session


def record(session: Session, name: str) -> None:
    """Records that somebody cordoned a pool, or uncordoned it."""
    session.audited(resource=name)

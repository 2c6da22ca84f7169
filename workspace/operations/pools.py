"""What is kept of changes to pools, which are the workload managers' own: who made them."""

from meshkit.session import Session


def record(session: Session, name: str) -> None:
    """Records that somebody has a pool cordoned, or uncordoned."""
    session.audited(resource=name)

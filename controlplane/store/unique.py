"""Rows whose names are taken once, whoever else tries at the same moment."""

from sqlalchemy.exc import IntegrityError

from meshkit.session import Session


def insert(session: Session, row: object) -> bool:
    """Inserts a row; False where another replica took its name since the caller looked.

    After False the operation must raise: the transaction is of no more use.
    """
    session.add(row)
    try:
        session.flush()
    except IntegrityError:
        return False
    return True

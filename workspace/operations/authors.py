"""Who writes what refers to a secret: naming one is no way around being allowed to read it."""

from dataclasses import dataclass

from meshkit.errors import PermissionDenied
from meshkit.session import Session
from workspace.operations.refusals import absent
from workspace.store import secrets as store

SECRETS_PERMISSION = "secrets.access"


@dataclass(frozen=True, slots=True)
class Author:
    """Who writes, and whether they may read secrets."""

    subject: str
    may_read_secrets: bool


def hold_secret(session: Session, secret: str, author: Author) -> None:
    """Nobody deletes the secret before the commit; PermissionDenied, or NotFound."""
    if not author.may_read_secrets:
        raise PermissionDenied(
            "NOT_PERMITTED",
            "Only who may read secrets has something use one.",
            metadata={"permission": SECRETS_PERMISSION},
        )
    row = store.lock(session, secret)
    if row is None or not row.is_visible_to(author.subject):
        raise absent(f"secrets/{secret}")

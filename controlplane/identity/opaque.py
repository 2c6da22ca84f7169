"""The opaque secrets of the control plane: which there are, and how they are made and read.

`weft_<kind>_<id>_<secret><crc32>`, as `meshkit.opaque` describes: the id finds the row, and
only the SHA-256 of the whole is stored. An enrollment token ends in ".<sha256 of the CA>" (64
hex digits), so that whoever joins knows the right CA before sending anything.
"""

from uuid import UUID

from meshkit import opaque
from meshkit.errors import Unauthenticated
from meshkit.ids import new_uid
from meshkit.opaque import API_KEY, PERSONAL_ACCESS_TOKEN, OpaqueToken, matches

REFRESH_TOKEN = "weft_refresh_"  # noqa: S105 - prefixes, not secrets
DEVICE_CODE = "weft_device_"
SETUP_TOKEN = "weft_setup_"  # noqa: S105
PASSWORD_TOKEN = "weft_chpass_"  # noqa: S105
LOGIN_STATE = "weft_login_"
LOGIN_CODE = "weft_code_"
ENROLLMENT_TOKEN = "weft_enroll_"  # noqa: S105
INVITATION_TOKEN = "weft_invite_"  # noqa: S105
SESSION_TOKEN = "weft_session_"  # noqa: S105
SIGN_IN_CODE = "weft_link_"

__all__ = [
    "API_KEY",
    "DEVICE_CODE",
    "ENROLLMENT_TOKEN",
    "INVITATION_TOKEN",
    "LOGIN_CODE",
    "LOGIN_STATE",
    "PASSWORD_TOKEN",
    "PERSONAL_ACCESS_TOKEN",
    "REFRESH_TOKEN",
    "SESSION_TOKEN",
    "SETUP_TOKEN",
    "SIGN_IN_CODE",
    "OpaqueToken",
    "Secret",
    "invalid_enrollment",
    "invalid_grant",
    "make",
    "matches",
    "read",
    "read_enrollment_token",
]


class Secret(str):
    """A secret on its way to the one who may see it; it never shows itself in a log."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret('...')"


def make(prefix: str, uid: UUID | None = None) -> tuple[Secret, UUID, bytes]:
    """A new secret, the id in it, and the hash to store."""
    uid = uid or new_uid()
    text, token = opaque.make(prefix, uid.hex)
    return Secret(text), uid, token.digest


def read(text: str, prefix: str) -> OpaqueToken:
    """Reads a secret of this kind; raises Unauthenticated INVALID_GRANT for anything else."""
    try:
        token = opaque.parse(text)
    except ValueError as error:
        raise invalid_grant() from error
    if token.prefix != prefix:
        raise invalid_grant()
    return token


def read_enrollment_token(text: str) -> OpaqueToken:
    """Reads an enrollment token with or without its CA hash; raises INVALID_ENROLLMENT."""
    try:
        return read(text.partition(".")[0], ENROLLMENT_TOKEN)
    except Unauthenticated as error:
        raise invalid_enrollment() from error


def invalid_grant() -> Unauthenticated:
    """The one answer to every grant that is unknown, expired, used or malformed."""
    return Unauthenticated("INVALID_GRANT", "This grant is not valid; sign in again.")


def invalid_enrollment() -> Unauthenticated:
    """The one answer to every enrollment token that cannot be used."""
    return Unauthenticated(
        "INVALID_ENROLLMENT", "This enrollment token cannot be used; create a new one."
    )

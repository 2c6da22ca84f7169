"""The browser's side of a session: its cookie, and what tells our page from another's; rule 63.

The cookie is opaque and read by no script. It is sent by the browser on its own, so whatever
changes something must also carry a header that no other origin's page can set.
"""

from collections.abc import Mapping
from typing import Final

from gateway.errors import Refused
from meshkit.errors import PermissionDenied

SESSION: Final = "__Host-weft_session"
SIGN_IN: Final = "__Host-weft_sign_in"
_SAFE: Final = frozenset(("GET", "HEAD", "OPTIONS"))
_SAME_ORIGIN: Final = b"same-origin"
_ATTRIBUTES: Final = "Path=/; Secure; HttpOnly; SameSite=Lax"


def read(headers: Mapping[bytes, bytes], name: str) -> str:
    """The value of a cookie; empty where it is absent, or there twice and nobody knows which."""
    wanted = name.encode()
    pairs = (pair.strip().partition(b"=") for pair in headers.get(b"cookie", b"").split(b";"))
    values = [value for key, _, value in pairs if key == wanted]
    return values[0].decode("latin-1") if len(values) == 1 else ""


def kept(name: str, value: str, *, for_s: int) -> str:
    """The `Set-Cookie` of a cookie that the browser keeps for so many seconds."""
    return f"{name}={value}; {_ATTRIBUTES}; Max-Age={for_s}"


def cleared(name: str) -> str:
    """The `Set-Cookie` that takes a cookie away."""
    return kept(name, "", for_s=0)


def require_own_page(method: str, headers: Mapping[bytes, bytes]) -> None:
    """Raises Refused 403 for a change that no page of this origin can have asked for."""
    if method in _SAFE:
        return
    if headers.get(b"x-weft-csrf") != b"1" or not is_own_page(headers):
        raise Refused(
            PermissionDenied(
                "CROSS_SITE_REQUEST",
                "a change with the session cookie takes the header X-Weft-CSRF: 1 and a page of "
                "this origin; programs send an Authorization header instead",
            ),
            http_status=403,
        )


def is_own_page(headers: Mapping[bytes, bytes]) -> bool:
    """Whether the browser says that a page of this origin asks."""
    return headers.get(b"sec-fetch-site") == _SAME_ORIGIN

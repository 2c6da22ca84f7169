"""What AWS says when it refuses, in XML or JSON, as the errors of connectors."""

import re

from workspace.connectors.failures import forbidden, rejected, unavailable, unknown_resource
from workspace.connectors.wire import Answer

_CODE_XML = re.compile(rb"<Code>([A-Za-z0-9.]{1,64})</Code>")
_REJECTED = frozenset(
    {
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "IDPRejectedClaim",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidIdentityToken",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_UNKNOWN = frozenset({"NoSuchBucket", "RepositoryNotFoundException", "ResourceNotFoundException"})
_BUSY = ("Throttling", "RequestLimitExceeded", "TooManyRequests")
_FORBIDDEN = 403


def require_ok(answer: Answer, about: str) -> None:
    """Raises what a refusal means; `about` is the resource that was asked for."""
    if answer.is_ok:
        return
    code = _code(answer)
    if code in _UNKNOWN:
        raise unknown_resource(answer.service, about)
    if code.startswith(_BUSY):
        raise unavailable(answer.service, "answers that there are too many calls")
    if answer.status == _FORBIDDEN and code not in _REJECTED:
        raise forbidden(answer.service, code)
    if code.startswith("AccessDenied"):
        raise forbidden(answer.service, code)
    raise rejected(answer.service, code)


def _code(answer: Answer) -> str:
    """The error's code; never its text, which may repeat what was sent."""
    if found := _CODE_XML.search(answer.body):
        return found[1].decode()
    said = str(answer.said().get("__type") or answer.headers.get("x-amzn-errortype", ""))
    code = said.rpartition("#")[2].partition(":")[0]
    return code if re.fullmatch(r"[A-Za-z]{1,64}", code) else ""

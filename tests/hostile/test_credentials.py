"""Whoever does not prove who they are hears one thing, whatever they asked and however."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from meshkit.access import Access, Listener
from meshkit.spiffe import Role
from meshkit.tokens import UNAUTHENTICATED_MESSAGE, SigningKey
from tests.hostile.calls import BUGS, Method, methods
from tests.hostile.world import CONTROL_PLANE, WORKSPACE, Site, World

# Reviewed by hand: what anybody may call. An RPC that becomes public shows here.
PUBLIC = {
    # What outsiders check an exported audit log with.
    "controlplane.AuditService/GetAuditKeys",
    "controlplane.AuthService/BeginOidcLogin",
    "controlplane.AuthService/CompleteOidcLogin",
    "controlplane.AuthService/GetAuthConfig",
    "controlplane.AuthService/CreateFirstAdministrator",
    "controlplane.AuthService/SignIn",
    "controlplane.AuthService/StartDeviceAuthorization",
    "controlplane.AuthService/ExchangeToken",
    "controlplane.AuthService/RevokeToken",
    "controlplane.AuthService/GetJwks",
    "controlplane.EnrollmentService/Enroll",
    # By whoever was handed the invitation's token.
    "controlplane.InvitationService/AcceptInvitation",
    "controlplane.InvitationService/DeclineInvitation",
    "controlplane.InvitationService/InspectInvitation",
    "controlplane.SystemService/GetServerInfo",
    "controlplane.UserService/SetPassword",
    # By whoever was handed the link.
    "workspace.ArtifactService/DownloadFile",
    # By whoever signs with the webhook's secret.
    "workspace.WebhookService/ReceiveWebhook",
}
each_method = pytest.mark.parametrize("method", methods(), ids=str)
GUARDED = [method for method in methods() if str(method) not in PUBLIC]
ON_EDGE = [method for method in GUARDED if Listener.EDGE in method.policy.listeners]
each_guarded = pytest.mark.parametrize("method", GUARDED, ids=str)


def test_what_is_public_was_reviewed() -> None:
    assert {str(m) for m in methods() if m.policy.access is Access.PUBLIC} == PUBLIC


@each_method
def test_without_a_credential(hosts: World, method: Method) -> None:
    found = hosts.of(method).edge.call(method)
    if method.policy.access is Access.PUBLIC:
        assert found.code not in BUGS | {"UNAUTHENTICATED"}
    elif Listener.EDGE in method.policy.listeners:
        assert (found.code, found.message) == ("UNAUTHENTICATED", UNAUTHENTICATED_MESSAGE)
        assert found.reason == "INVALID_CREDENTIAL"
    else:
        assert found.code == "UNIMPLEMENTED"


@each_guarded
def test_a_gateway_without_a_persons_token_is_nobody(hosts: World, method: Method) -> None:
    """What the mesh's own services may not call, a gateway reaches with a person's token only."""
    site = hosts.of(method)
    address = [("x-weft-client-address", "192.0.2.1")]
    found = site.mesh[Role.GATEWAY].call(method, metadata=address)
    assert (found.code, found.message) == ("UNAUTHENTICATED", UNAUTHENTICATED_MESSAGE)


def _claims(token: str, **changes: Any) -> dict[str, Any]:
    claims = {**jwt.decode(token, options={"verify_signature": False}), **changes}
    return {key: value for key, value in claims.items() if value is not None}


def _segment(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def signing_key(hosts: World, site: Site) -> SigningKey:
    """The very key that the server trusts, for tokens whose only fault is in their claims."""
    if site.package == WORKSPACE:
        return hosts.workspace.mesh.signer.active
    kid = jwt.get_unverified_header(site.admin)["kid"]
    pem = (site.directory / "signing-keys" / f"{kid}.pem").read_bytes()
    return SigningKey.from_pem(kid, pem)


def _signed(key: SigningKey, claims: dict[str, Any], **header: Any) -> str:
    header = {"kid": key.kid, **header}
    return jwt.encode(claims, key.key, algorithm=key.algorithm, headers=header)


def _unsigned(site: Site, algorithm: str, signature: str = "") -> str:
    header = {**jwt.get_unverified_header(site.admin), "alg": algorithm}
    return f"{_segment(header)}.{site.admin.split('.')[1]}.{signature}"


def _by_public_key(key: SigningKey, site: Site, encoding: Any, form: Any) -> str:
    """HS256 with the public key as the secret: the oldest trick there is."""
    secret = key.key.public_key().public_bytes(encoding, form)
    text = _unsigned(site, "HS256").rpartition(".")[0]
    made = hmac.new(secret, text.encode(), hashlib.sha256).digest()
    return f"{text}.{base64.urlsafe_b64encode(made).rstrip(b'=').decode()}"


def _doubled(key: SigningKey, claims: dict[str, Any]) -> str:
    """Says everything twice, the second time the truth."""
    lie = json.dumps({**claims, "sub": f"users/{uuid4()}"})[:-1]
    body = f"{lie},{json.dumps(claims)[1:]}".encode()
    return jwt.api_jws.encode(body, key.key, key.algorithm, {"kid": key.kid})


def _now() -> int:
    return int(datetime.now(UTC).timestamp())


Forger = Callable[[SigningKey, Site], str]
_PEM, _RAW = serialization.Encoding.PEM, serialization.Encoding.Raw
_INFO, _BARE = serialization.PublicFormat.SubjectPublicKeyInfo, serialization.PublicFormat.Raw
FORGED: dict[str, Forger] = {
    "words": lambda _, __: "let me in",
    "dots": lambda _, __: "...",
    "not_base64": lambda _, __: "%.!.~",
    "deep_json": lambda _, __: f"{_segment({'kid': 'x'})}.{'W1tb' * 1_500}.x",
    "alg_none": lambda _, site: _unsigned(site, "none"),
    "alg_none_in_capitals": lambda _, site: _unsigned(site, "NONE", "AA"),
    "hs256_of_the_pem": lambda key, site: _by_public_key(key, site, _PEM, _INFO),
    "hs256_of_the_key": lambda key, site: _by_public_key(key, site, _RAW, _BARE),
    "another_key": lambda key, site: _signed(
        SigningKey(key.kid, SigningKey.generate().key), _claims(site.admin)
    ),
    "embedded_key": lambda _, site: _signed(
        other := SigningKey.generate(), _claims(site.admin), jwk=other.jwk
    ),
    "unknown_kid": lambda key, site: _signed(key, _claims(site.admin), kid="0" * 16),
    "kid_of_a_path": lambda key, site: _signed(key, _claims(site.admin), kid="../../../dev/null"),
    "other_audience": lambda key, site: _signed(key, _claims(site.admin, aud="elsewhere")),
    "audiences": lambda key, site: _signed(key, _claims(site.admin, aud=[site.audience, "x"])),
    "no_audience": lambda key, site: _signed(key, _claims(site.admin, aud=None)),
    "other_issuer": lambda key, site: _signed(key, _claims(site.admin, iss="https://evil")),
    "no_issuer": lambda key, site: _signed(key, _claims(site.admin, iss=None)),
    "expired": lambda key, site: _signed(
        key, _claims(site.admin, iat=_now() - 900, nbf=_now() - 900, exp=_now() - 60)
    ),
    "not_yet": lambda key, site: _signed(key, _claims(site.admin, nbf=_now() + 600)),
    "from_the_future": lambda key, site: _signed(key, _claims(site.admin, iat=_now() + 600)),
    "for_ever": lambda key, site: _signed(key, _claims(site.admin, exp=10**23)),
    "for_a_year": lambda key, site: _signed(key, _claims(site.admin, exp=_now() + 366 * 86400)),
    "no_expiry": lambda key, site: _signed(key, _claims(site.admin, exp=None)),
    "expiry_of_text": lambda key, site: _signed(key, _claims(site.admin, exp="9" * 12)),
    "a_run_of_the_people": lambda key, site: _signed(key, _claims(site.admin, kind="run")),
    "a_peer_of_the_people": lambda key, site: _signed(key, _claims(site.admin, kind="peer")),
    "no_such_kind": lambda key, site: _signed(key, _claims(site.admin, kind="root")),
    "no_subject": lambda key, site: _signed(key, _claims(site.admin, sub="")),
    "a_program_of_the_people": lambda key, site: _signed(
        key, _claims(site.admin, kind="service_account", sub=f"users/{uuid4()}")
    ),
    "a_person_of_the_programs": lambda key, site: _signed(
        key, _claims(site.admin, sub=f"serviceAccounts/{uuid4()}")
    ),
    "doubled_claims": lambda key, site: _doubled(key, _claims(site.admin)),
    "padded_signature": lambda _, site: f"{site.admin}==",
    "scope_of_a_list": lambda key, site: _signed(key, _claims(site.admin, scope=["runs.get"])),
    "too_long": lambda key, site: _signed(key, _claims(site.admin, pad="x" * 9000)),
}
_SITES = {CONTROL_PLANE: "GetCurrentPrincipal", WORKSPACE: "GetFeedInfo"}


def _one(package: str) -> Method:
    return next(m for m in methods() if m.descriptor.name == _SITES.get(package))


@pytest.mark.parametrize("package", _SITES)
@pytest.mark.parametrize("forger", FORGED.values(), ids=FORGED)
def test_forged_tokens(hosts: World, package: str, forger: Forger) -> None:
    site, method = hosts.sites[package], _one(package)
    key = signing_key(hosts, site)
    # The honest token passes: what is refused below is refused for its one fault.
    assert site.edge.call(method, token=_signed(key, _claims(site.admin))).code == "OK"
    expected = site.edge.call(method)
    token = forger(key, site)
    assert site.edge.call(method, token=token) == expected
    assert site.mesh[Role.GATEWAY].call(method, token=token) == expected


@pytest.mark.parametrize("package", _SITES)
def test_doubled_and_misspelt_headers(hosts: World, package: str) -> None:
    site, method = hosts.sites[package], _one(package)
    expected = site.edge.call(method)
    good = ("authorization", f"Bearer {site.admin}")
    for headers in (
        [good, good],
        [good, ("authorization", "Bearer x")],
        [("authorization", site.admin)],
        [("authorization", "Bearer")],
        [("authorization", "Bearer ")],
        [("authorization", f"Basic {site.admin}")],
        [("authorization", f"Bearer  {site.admin} {site.admin}")],
        [("authorization", "")],
        [("x-weft-caller", "users/admin"), ("x-forwarded-user", "admin")],
    ):
        assert site.edge.call(method, metadata=headers) == expected


@each_guarded
def test_garbage_is_no_token_anywhere(hosts: World, method: Method) -> None:
    """On the gateway's way in, which serves every method but those on the edge alone."""
    site = hosts.of(method)
    expected = site.mesh[Role.GATEWAY].call(method, token="x.y.z")
    assert (expected.code, expected.message) == ("UNAUTHENTICATED", UNAUTHENTICATED_MESSAGE)
    # Nor does it matter what comes with it.
    assert site.mesh[Role.GATEWAY].call(method, b"\xff\xff", token="x.y.z") == expected
    if method in ON_EDGE:
        assert site.edge.call(method, b"\xff\xff", token="x.y.z") == expected

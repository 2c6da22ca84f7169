"""IdentityProviderService: who vouches for people, and whose addresses count."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from google.protobuf import empty_pb2

from controlplane import names, store
from controlplane.identity.domains import DomainProofs
from controlplane.identity.logins import Logins
from controlplane.identity.providers import github, oidc
from controlplane.identity.vault import Vault
from controlplane.operations import identities, identity_providers, trusted_domains
from controlplane.operations.refusals import etag_of
from controlplane.servicers.conversions import caller_subject, timestamp
from controlplane.store.schema_identity import IdentityProvider, TrustedDomain
from meshkit.authentication import Context
from meshkit.database import Database
from meshkit.egress import EgressPolicy
from meshkit.errors import FieldViolation, InvalidArgument
from meshkit.idempotency import once
from meshkit.ids import new_uid
from meshkit.paging import ListQuery, PageTokens
from meshkit.rules import resolve_update_mask
from weftapi.controlplane.v1 import identity_providers_pb2, identity_providers_pb2_grpc

OIDC = "OIDC"
GITHUB = "GITHUB"
_KIND = "IDENTITY_PROVIDER_KIND_"
_JOIN = "JOIN_POLICY_"


class IdentityProviderServicer(identity_providers_pb2_grpc.IdentityProviderServiceServicer):
    """Keeps identity providers and trusted domains."""

    def __init__(
        self,
        database: Database,
        *,
        logins: Logins,
        vault: Vault,
        policy: EgressPolicy,
        proofs: DomainProofs,
        pages: PageTokens,
    ) -> None:
        self._database = database
        self._logins = logins
        self._vault = vault
        self._policy = policy
        self._proofs = proofs
        self._pages = pages

    async def GetIdentityProvider(
        self,
        request: identity_providers_pb2.GetIdentityProviderRequest,
        _context: Context,
    ) -> identity_providers_pb2.IdentityProvider:
        row = await self._database.read(
            identity_providers.require, *names.provider_of(request.name)
        )
        return self._provider(row)

    async def ListIdentityProviders(
        self,
        request: identity_providers_pb2.ListIdentityProvidersRequest,
        _context: Context,
    ) -> identity_providers_pb2.ListIdentityProvidersResponse:
        window = self._pages.window(
            ListQuery("ListIdentityProviders", request.parent),
            store.identity_providers.ORDERS,
            size=request.page_size,
            token=request.page_token,
        )
        organization = names.organization_of(request.parent)
        rows = await self._database.read(store.identity_providers.list_page, organization, window)
        page = window.page(rows, self._provider, revision=self._database.feed.head)
        return identity_providers_pb2.ListIdentityProvidersResponse(
            identity_providers=page.items, next_page_token=page.next_page_token
        )

    async def CreateIdentityProvider(
        self,
        request: identity_providers_pb2.CreateIdentityProviderRequest,
        _context: Context,
    ) -> identity_providers_pb2.IdentityProvider:
        uid = new_uid()
        return await self._database.write(
            identity_providers.create,
            names.organization_of(request.parent),
            request.identity_provider_id,
            _new_values(request.identity_provider, self._policy)
            | self._secret(request.identity_provider, uid),
            uid=uid,
            creator=caller_subject(),
            once=once(request, identity_providers_pb2.IdentityProvider),
            reply=self._provider,
        )

    async def UpdateIdentityProvider(
        self,
        request: identity_providers_pb2.UpdateIdentityProviderRequest,
        _context: Context,
    ) -> identity_providers_pb2.IdentityProvider:
        wanted = request.identity_provider
        paths = resolve_update_mask(wanted, request.update_mask)
        place = names.provider_of(wanted.name)
        row = await self._database.read(identity_providers.require, *place)
        values = _changed_values(wanted, row, paths)
        if "client_secret" in paths:
            values |= self._secret(wanted, row.uid)
        return await self._database.write(
            identity_providers.change,
            *place,
            values,
            etag=wanted.etag,
            caller=caller_subject(),
            once=once(request, identity_providers_pb2.IdentityProvider),
            reply=self._provider,
        )

    async def DeleteIdentityProvider(
        self,
        request: identity_providers_pb2.DeleteIdentityProviderRequest,
        _context: Context,
    ) -> empty_pb2.Empty:
        await self._database.write(
            identity_providers.delete,
            *names.provider_of(request.name),
            etag=request.etag,
            caller=caller_subject(),
        )
        return empty_pb2.Empty()

    async def TestIdentityProvider(
        self,
        request: identity_providers_pb2.TestIdentityProviderRequest,
        _context: Context,
    ) -> identity_providers_pb2.TestIdentityProviderResponse:
        checks = await self._logins.examine(*names.provider_of(request.name))
        return identity_providers_pb2.TestIdentityProviderResponse(
            healthy=all(check.healthy for check in checks),
            checks=[
                identity_providers_pb2.IdentityProviderCheck(
                    name=check.name, healthy=check.healthy, message=check.message
                )
                for check in checks
            ],
        )

    async def ListTrustedDomains(
        self,
        request: identity_providers_pb2.ListTrustedDomainsRequest,
        _context: Context,
    ) -> identity_providers_pb2.ListTrustedDomainsResponse:
        window = self._pages.window(
            ListQuery("ListTrustedDomains", request.parent),
            store.trusted_domains.ORDERS,
            size=request.page_size,
            token=request.page_token,
        )
        organization = names.organization_of(request.parent)
        rows = await self._database.read(store.trusted_domains.list_page, organization, window)
        page = window.page(rows, domain_to_proto, revision=self._database.feed.head)
        return identity_providers_pb2.ListTrustedDomainsResponse(
            trusted_domains=page.items, next_page_token=page.next_page_token
        )

    async def AddTrustedDomain(
        self,
        request: identity_providers_pb2.AddTrustedDomainRequest,
        _context: Context,
    ) -> identity_providers_pb2.TrustedDomain:
        return await self._database.write(
            trusted_domains.add,
            names.organization_of(request.parent),
            request.domain,
            creator=caller_subject(),
            once=once(request, identity_providers_pb2.TrustedDomain),
            reply=domain_to_proto,
        )

    async def VerifyTrustedDomain(
        self,
        request: identity_providers_pb2.VerifyTrustedDomainRequest,
        _context: Context,
    ) -> identity_providers_pb2.TrustedDomain:
        place = names.organization_of(request.name), names.uid_of(request.name)
        await self._proofs.require(await self._database.read(trusted_domains.require, *place))
        return await self._database.write(
            trusted_domains.verified, *place, caller=caller_subject(), reply=domain_to_proto
        )

    async def RemoveTrustedDomain(
        self,
        request: identity_providers_pb2.RemoveTrustedDomainRequest,
        _context: Context,
    ) -> empty_pb2.Empty:
        await self._database.write(
            trusted_domains.remove,
            names.organization_of(request.name),
            names.uid_of(request.name),
            caller=caller_subject(),
        )
        return empty_pb2.Empty()

    def _secret(
        self, wanted: identity_providers_pb2.IdentityProvider, owner: UUID
    ) -> dict[str, bytes | None]:
        secret = wanted.client_secret
        return {"client_secret": self._vault.seal(secret, owner=owner) if secret else None}

    def _provider(self, row: IdentityProvider) -> identity_providers_pb2.IdentityProvider:
        return identity_providers_pb2.IdentityProvider(
            name=row.name,
            uid=str(row.uid),
            display_name=row.display_name,
            creator=row.creator,
            create_time=timestamp(row.create_time),
            update_time=timestamp(row.update_time),
            etag=etag_of(row),
            kind=identity_providers_pb2.IdentityProviderKind.Value(f"{_KIND}{row.kind}"),
            issuer=row.issuer,
            client_id=row.client_id,
            scopes=row.scopes,
            groups_claim=row.groups_claim,
            allowed_groups=row.allowed_groups,
            group_mappings=[
                identity_providers_pb2.GroupMapping(group=each["group"], team=each["team"])
                for each in row.group_mappings
            ],
            join_policy=identity_providers_pb2.JoinPolicy.Value(f"{_JOIN}{row.join_policy}"),
            disabled=row.disabled,
            redirect_uri=self._logins.redirect_uri(row),
        )


def _new_values(
    wanted: identity_providers_pb2.IdentityProvider, policy: EgressPolicy
) -> dict[str, Any]:
    """The columns of a new provider; raises INVALID_FIELDS."""
    kind = identity_providers_pb2.IdentityProviderKind.Name(wanted.kind).removeprefix(_KIND)
    if kind not in (OIDC, GITHUB):
        raise _invalid("kind", "is required: OIDC or GITHUB")
    issuer = wanted.issuer or (github.PUBLIC if kind == GITHUB else "")
    if kind == GITHUB:
        issuer = issuer.rstrip("/")
    if not policy.accepts(issuer) or urlsplit(issuer).query:
        raise _invalid("issuer", "must be an https URL without a query")
    scopes = wanted.scopes or (github.DEFAULT_SCOPES if kind == GITHUB else oidc.DEFAULT_SCOPES)
    values = {
        "kind": kind,
        "issuer": issuer,
        "scopes": list(scopes),
        **{name: getattr(wanted, name) for name in _PLAIN},
        "allowed_groups": list(wanted.allowed_groups),
        "group_mappings": _mappings(wanted),
        "join_policy": _join_policy(wanted),
    }
    _require_sense(values)
    return values


_PLAIN = ("display_name", "client_id", "groups_claim", "disabled")
_JUDGED = (
    "kind",
    "issuer",
    "client_id",
    "scopes",
    "groups_claim",
    "allowed_groups",
    "group_mappings",
    "join_policy",
)


def _changed_values(
    wanted: identity_providers_pb2.IdentityProvider, row: IdentityProvider, paths: Iterable[str]
) -> dict[str, Any]:
    """The columns that an update sets; raises INVALID_FIELDS where the whole makes no sense."""
    values: dict[str, Any] = {}
    for path in paths:
        if path in _PLAIN:
            values[path] = getattr(wanted, path)
        elif path in ("scopes", "allowed_groups"):
            values[path] = list(getattr(wanted, path))
        elif path == "group_mappings":
            values[path] = _mappings(wanted)
        elif path == "join_policy":
            values[path] = _join_policy(wanted)
    _require_sense({name: getattr(row, name) for name in _JUDGED} | values)
    return values


def _mappings(wanted: identity_providers_pb2.IdentityProvider) -> list[dict[str, str]]:
    return [{"group": each.group, "team": each.team} for each in wanted.group_mappings]


def _join_policy(wanted: identity_providers_pb2.IdentityProvider) -> str:
    name = identity_providers_pb2.JoinPolicy.Name(wanted.join_policy).removeprefix(_JOIN)
    return identities.MEMBERS_ONLY if name == "UNSPECIFIED" else name


def _require_sense(values: dict[str, Any]) -> None:
    if not values["client_id"]:
        raise _invalid("client_id", "is required")
    if values["kind"] == OIDC and "openid" not in values["scopes"]:
        raise _invalid("scopes", 'must contain "openid"')
    groups_decide = values["allowed_groups"] or values["group_mappings"]
    if values["kind"] == OIDC and groups_decide and not values["groups_claim"]:
        raise _invalid("groups_claim", "is required where groups decide")
    is_open = values["join_policy"] == identities.ANYONE and not values["allowed_groups"]
    if values["kind"] == GITHUB and values["issuer"] == github.PUBLIC and is_open:
        raise _invalid("allowed_groups", "is required: anyone has an account there")


def _invalid(field: str, problem: str) -> InvalidArgument:
    violations = [FieldViolation(f"identity_provider.{field}", problem)]
    return InvalidArgument("INVALID_FIELDS", f"{field} {problem}", violations=violations)


def domain_to_proto(row: TrustedDomain) -> identity_providers_pb2.TrustedDomain:
    states = identity_providers_pb2.TrustedDomainState
    return identity_providers_pb2.TrustedDomain(
        name=row.name,
        uid=str(row.uid),
        creator=row.creator,
        create_time=timestamp(row.create_time),
        domain=row.domain,
        state=(
            states.TRUSTED_DOMAIN_STATE_VERIFIED
            if row.verify_time
            else states.TRUSTED_DOMAIN_STATE_PENDING
        ),
        record_name=trusted_domains.record_name(row),
        record_value=row.challenge,
        verify_time=timestamp(row.verify_time),
    )

"""AuthService: proofs of identity in, short tokens out."""

from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import urlencode

from google.protobuf import empty_pb2
from google.protobuf.duration_pb2 import Duration

from controlplane import names, store
from controlplane.identity import devices as device_flow
from controlplane.identity.accounts import Accounts, Person
from controlplane.identity.devices import INTERVAL_S
from controlplane.identity.grants import Granted, Grants
from controlplane.identity.logins import Logins
from controlplane.identity.opaque import Secret
from controlplane.identity.providers.model import Answer
from controlplane.identity.throttle import Throttle
from controlplane.identity.tokens import (
    AccessToken,
    Origin,
    TokenIssuer,
    end_of,
    session_uid_of,
    user_uid_of,
)
from controlplane.operations import devices, principals, setup, sign_in_links, tokens
from controlplane.operations.logins import Waiting
from controlplane.operations.principals import Principal
from controlplane.servicers.conversions import timestamp
from controlplane.signing import Signing
from controlplane.store.schema import DeviceAuthorization, SigningKey, User
from controlplane.store.schema_identity import IdentityProvider
from meshkit.authentication import Context
from meshkit.caller import Caller, current_call
from meshkit.database import Database
from meshkit.errors import FieldViolation, InvalidArgument
from meshkit.idempotency import once
from weftapi.common.v1 import types_pb2
from weftapi.controlplane.v1 import auth_pb2, auth_pb2_grpc

Redeem = Callable[..., Awaitable[Granted]]


class AuthServicer(auth_pb2_grpc.AuthServiceServicer):
    """Signs people in and hands out tokens."""

    def __init__(
        self,
        database: Database,
        *,
        accounts: Accounts,
        grants: Grants,
        logins: Logins,
        issuer: TokenIssuer,
        signing: Signing,
        throttle: Throttle,
        organization: str,
        public_url: str,
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._grants = grants
        self._logins = logins
        self._organization = organization
        self._issuer = issuer
        self._signing = signing
        self._throttle = throttle
        self._public_url = public_url.rstrip("/")
        self._verification_uri = f"{self._public_url}/device"

    async def GetAuthConfig(
        self, request: auth_pb2.GetAuthConfigRequest, _context: Context
    ) -> auth_pb2.AuthConfig:
        organization = self._organization
        if request.organization:
            # Whoever names one has spent a guess, whether it is there or not.
            self._throttle.take("organization", address=_caller().address)
            organization = names.organization_of(request.organization)
        providers = await self._database.read(store.identity_providers.enabled, organization)
        return auth_pb2.AuthConfig(
            setup_required=await self._database.read(setup.is_required),
            local_accounts=True,
            verification_uri=self._verification_uri,
            login_options=[option_to_proto(row) for row in providers],
        )

    async def CreateFirstAdministrator(
        self, request: auth_pb2.CreateFirstAdministratorRequest, _context: Context
    ) -> auth_pb2.TokenSet:
        started = await self._accounts.create_first_administrator(
            request.setup_token,
            Person(request.email, request.display_name),
            password=request.password,
            address=_caller().address,
            browser=request.browser,
        )
        return self._token_set(Granted.of(started))

    async def SignIn(self, request: auth_pb2.SignInRequest, _context: Context) -> auth_pb2.TokenSet:
        address = _caller().address
        started = await self._accounts.sign_in(
            request.email, request.password, address=address, browser=request.browser
        )
        return self._token_set(Granted.of(started))

    async def BeginOidcLogin(
        self, request: auth_pb2.BeginOidcLoginRequest, _context: Context
    ) -> auth_pb2.BeginOidcLoginResponse:
        begun = await self._logins.begin(
            *names.provider_of(request.identity_provider),
            Waiting(
                request.redirect_uri,
                request.state,
                request.code_challenge,
                _caller().address,
            ),
        )
        return auth_pb2.BeginOidcLoginResponse(
            authorization_uri=begun.authorization_uri, expire_time=timestamp(begun.expire_time)
        )

    async def CompleteOidcLogin(
        self, request: auth_pb2.CompleteOidcLoginRequest, _context: Context
    ) -> auth_pb2.CompleteOidcLoginResponse:
        redirect_uri = await self._logins.complete(
            *names.provider_of(request.identity_provider),
            state=request.state,
            answer=Answer(request.code, request.iss),
            error=request.error,
        )
        return auth_pb2.CompleteOidcLoginResponse(redirect_uri=redirect_uri)

    async def StartDeviceAuthorization(
        self, request: auth_pb2.StartDeviceAuthorizationRequest, _context: Context
    ) -> auth_pb2.DeviceAuthorization:
        address = _caller().address
        self._throttle.take("device", address=address)
        codes = await self._database.write(
            devices.start, client_name=request.client_name, address=address
        )
        answer = self._device(codes.row, codes.user_code)
        answer.device_code = codes.device_code
        if request.organization:
            query = urlencode({"organization": names.organization_of(request.organization)})
            answer.verification_uri_complete += f"&{query}"
        return answer

    async def GetDeviceAuthorization(
        self, request: auth_pb2.GetDeviceAuthorizationRequest, _context: Context
    ) -> auth_pb2.DeviceAuthorization:
        self._count_guess()
        row = await self._database.read(devices.get, request.user_code)
        return self._device(row, request.user_code)

    async def ApproveDevice(
        self, request: auth_pb2.ApproveDeviceRequest, _context: Context
    ) -> auth_pb2.DeviceAuthorization:
        self._count_guess()
        caller = _caller()
        row = await self._database.write(
            devices.approve,
            request.user_code,
            user_uid=user_uid_of(caller),
            sid=session_uid_of(caller),
        )
        return self._device(row, request.user_code)

    async def DenyDevice(
        self, request: auth_pb2.DenyDeviceRequest, _context: Context
    ) -> auth_pb2.DeviceAuthorization:
        self._count_guess()
        user_uid = user_uid_of(_caller())
        row = await self._database.write(devices.deny, request.user_code, user_uid=user_uid)
        return self._device(row, request.user_code)

    async def ExchangeToken(
        self, request: auth_pb2.ExchangeTokenRequest, _context: Context
    ) -> auth_pb2.TokenSet:
        kind = request.WhichOneof("grant")
        if kind is None:
            problem = FieldViolation("grant", "is required: say what to exchange")
            raise InvalidArgument("INVALID_FIELDS", "A grant is required.", violations=[problem])
        # The contract's grants and the methods that redeem them have the same names; grants of
        # several parts are passed as these, in their order.
        redeem: Redeem = getattr(self._grants, kind)
        grant = getattr(request, kind)
        is_whole = isinstance(grant, str)
        parts = [grant] if is_whole else [getattr(grant, f.name) for f in grant.DESCRIPTOR.fields]
        return self._token_set(await redeem(*parts))

    async def RevokeToken(
        self, request: auth_pb2.RevokeTokenRequest, _context: Context
    ) -> empty_pb2.Empty:
        await self._grants.revoke(request.token)
        return empty_pb2.Empty()

    async def MintWorkspaceToken(
        self, request: auth_pb2.MintWorkspaceTokenRequest, _context: Context
    ) -> auth_pb2.TokenSet:
        minted = await self._database.write(
            tokens.mint,
            names.organization_of(request.workspace),
            names.workspace_of(request.workspace),
            caller=_caller(),
        )
        token = self._issuer.for_workspace(minted.origin, minted.workspace)
        return token_to_proto(token, minted.origin)

    async def CreateSignInLink(
        self, request: auth_pb2.CreateSignInLinkRequest, _context: Context
    ) -> auth_pb2.SignInLink:
        caller = _caller()
        made = await self._database.write(
            sign_in_links.create, user_uid=user_uid_of(caller), sid=session_uid_of(caller)
        )
        query = f"?{urlencode({'returnTo': request.path})}" if request.path else ""
        return auth_pb2.SignInLink(
            uri=f"{self._public_url}/auth/link/{made.code}{query}",
            expire_time=timestamp(made.expire_time),
        )

    async def GetJwks(
        self, _request: auth_pb2.GetJwksRequest, _context: Context
    ) -> types_pb2.JsonWebKeySet:
        return jwks_to_proto(await self._database.read(store.keys.all_keys))

    async def RotateSigningKey(
        self, request: auth_pb2.RotateSigningKeyRequest, _context: Context
    ) -> types_pb2.JsonWebKeySet:
        return await self._signing.rotate(
            compromised=request.compromised,
            once=once(request, types_pb2.JsonWebKeySet),
            reply=jwks_to_proto,
        )

    async def GetCurrentPrincipal(
        self, _request: auth_pb2.GetCurrentPrincipalRequest, _context: Context
    ) -> auth_pb2.Principal:
        caller = _caller()
        principal = await self._database.read(principals.get, caller)
        return principal_to_proto(principal, caller)

    def _token_set(self, granted: Granted) -> auth_pb2.TokenSet:
        token = self._issuer.for_control_plane(granted.origin)
        answer = token_to_proto(token, granted.origin)
        answer.refresh_token = granted.refresh_token or Secret()
        answer.session_token = granted.session_token or Secret()
        return answer

    def _count_guess(self) -> None:
        """A code has few letters: whoever looks one up, finds or not, has spent a guess."""
        caller = _caller()
        self._throttle.take("user-code", address=caller.address, account=caller.subject)

    def _device(self, row: DeviceAuthorization, user_code: str) -> auth_pb2.DeviceAuthorization:
        shown = device_flow.shown(user_code)
        return auth_pb2.DeviceAuthorization(
            user_code=shown,
            verification_uri=self._verification_uri,
            verification_uri_complete=f"{self._verification_uri}?user_code={shown}",
            expire_time=timestamp(row.expire_time),
            interval=Duration(seconds=INTERVAL_S),
            client_name=row.client_name,
            address=row.address,
            same_address=row.address == _caller().address,
            create_time=timestamp(row.create_time),
            state=auth_pb2.DeviceAuthorizationState.Value(
                f"DEVICE_AUTHORIZATION_STATE_{row.state}"
            ),
        )


def _caller() -> Caller:
    return current_call.get().caller


def token_to_proto(token: AccessToken, origin: Origin) -> auth_pb2.TokenSet:
    return auth_pb2.TokenSet(
        access_token=token.encoded,
        expire_time=timestamp(token.expire_time),
        subject=origin.principal.subject.claim,
        audience=token.audience,
        source_expire_time=timestamp(origin.ends_at),
    )


def option_to_proto(row: IdentityProvider) -> auth_pb2.LoginOption:
    return auth_pb2.LoginOption(identity_provider=row.name, display_name=row.display_name or row.id)


def jwks_to_proto(rows: Sequence[SigningKey]) -> types_pb2.JsonWebKeySet:
    return types_pb2.JsonWebKeySet(keys=[types_pb2.JsonWebKey(**row.jwk) for row in rows])


def principal_to_proto(principal: Principal, caller: Caller) -> auth_pb2.Principal:
    account = principal.account
    return auth_pb2.Principal(
        subject=account.subject.claim,
        email=account.email if isinstance(account, User) else "",
        display_name=account.display_name,
        name=account.name,
        scope=sorted(caller.scope or ()),
        token_expire_time=timestamp(end_of(caller)),
        roles=[
            auth_pb2.HeldRole(role=held.row.role_name, resource=held.row.resource)
            for held in principal.held
        ],
    )

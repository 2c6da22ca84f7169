"""The control plane, wired: every object built and joined here, top to bottom."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from controlplane.authorization import Authorizer, extra_checks
from controlplane.ca import CertificateAuthority
from controlplane.chains import chains_of
from controlplane.config import Settings
from controlplane.events import encode_event
from controlplane.identity.accounts import Accounts
from controlplane.identity.grants import Grants
from controlplane.identity.keys import KeyFiles, KeyRing
from controlplane.identity.passwords import Passwords
from controlplane.identity.throttle import Throttle
from controlplane.identity.tokens import Lifetimes, TokenIssuer
from controlplane.linking.conversation import LinkTimes
from controlplane.linking.health import LinkRegistry
from controlplane.membership import MeshMembers
from controlplane.operations import links, setup
from controlplane.servicers.access import AccessServicer
from controlplane.servicers.auth import AuthServicer
from controlplane.servicers.enrollment import EnrollmentServicer
from controlplane.servicers.identity_providers import IdentityProviderServicer
from controlplane.servicers.members import MemberServicer
from controlplane.servicers.organizations import OrganizationServicer
from controlplane.servicers.service_accounts import ServiceAccountServicer
from controlplane.servicers.sessions import SessionServicer
from controlplane.servicers.system import SystemServicer
from controlplane.servicers.teams import TeamServicer
from controlplane.servicers.users import UserServicer
from controlplane.servicers.workspaces import WorkspaceServicer
from controlplane.setup_token import SetupToken
from controlplane.signing import Signing
from controlplane.single_sign_on import SingleSignOn
from controlplane.store.schema import Base
from controlplane.upkeep import Upkeep
from meshkit import files
from meshkit.clock import Clock, SystemClock
from meshkit.credentials import Credentials
from meshkit.database import Database
from meshkit.denials import DenialLog
from meshkit.migrations import migrate
from meshkit.paging import KEY_BYTES, PageTokens
from meshkit.server import MeshServer, Service
from meshkit.tokens import TokenVerifier
from weftapi.controlplane.v1 import (
    access_pb2,
    access_pb2_grpc,
    auth_pb2,
    auth_pb2_grpc,
    enrollment_pb2,
    enrollment_pb2_grpc,
    identity_providers_pb2,
    identity_providers_pb2_grpc,
    members_pb2,
    members_pb2_grpc,
    organizations_pb2,
    organizations_pb2_grpc,
    service_accounts_pb2,
    service_accounts_pb2_grpc,
    sessions_pb2,
    sessions_pb2_grpc,
    system_pb2,
    system_pb2_grpc,
    teams_pb2,
    teams_pb2_grpc,
    users_pb2,
    users_pb2_grpc,
    workspaces_pb2,
    workspaces_pb2_grpc,
)

MIGRATIONS = Path(__file__).parent / "migrations"


@dataclass(frozen=True, slots=True)
class _Foundation:
    """What everything else stands on."""

    settings: Settings
    clock: Clock
    database: Database
    authority: CertificateAuthority
    credentials: Credentials
    pages: PageTokens
    lifetimes: Lifetimes
    signing: Signing
    members: MeshMembers
    registry: LinkRegistry
    throttle: Throttle
    single_sign_on: SingleSignOn


async def build(
    settings: Settings, *, clock: Clock | None = None, passwords: Passwords | None = None
) -> MeshServer:
    """Builds a control plane that is ready to start; the first time, with all it needs made."""
    files.make_private_directory(settings.data_dir)
    setup_token = SetupToken(settings.data_dir, settings.public_url)
    with files.locked(settings.data_dir):
        base = await _lay_foundation(settings, clock or SystemClock())
        await _first_start(base, setup_token)
    passwords = passwords or Passwords(threads=settings.password_threads)
    denials = DenialLog(base.database)
    upkeep = Upkeep(
        base.database,
        signing=base.signing,
        lifetimes=base.lifetimes,
        members=base.members,
        authority=base.authority,
        credentials=base.credentials,
        host_names=settings.host_names,
        clock=base.clock,
    )
    server = _serve(base, passwords, setup_token, denials)

    async def close() -> None:
        await upkeep.close()
        await denials.close()
        passwords.close()
        base.single_sign_on.close()
        await base.database.close()

    server.on_close(close)
    await upkeep.open()
    return server


async def _lay_foundation(settings: Settings, clock: Clock) -> _Foundation:
    data = settings.data_dir
    await migrate(settings.database, MIGRATIONS, Base.metadata)
    database = await Database.open(
        settings.database,
        metadata=Base.metadata,
        encode_event=encode_event,
        clock=clock,
        chains_of=chains_of,
    )
    authority = CertificateAuthority.open(
        data,
        trust_domain=settings.trust_domain,
        clock=clock,
        lifetime=timedelta(seconds=settings.certificate_s),
    )
    credentials = authority.own_credentials(
        settings.credentials_dir,
        trust_domain=settings.trust_domain,
        host_names=settings.host_names,
    )
    lifetimes = _lifetimes(settings)
    ring = KeyRing(str(credentials.identity), KeyFiles(data / "signing-keys"), clock)
    throttle = Throttle(settings.sign_in_per_minute, clock)
    return _Foundation(
        settings,
        clock,
        database,
        authority,
        credentials,
        PageTokens([files.read_or_make_key(data / "page-token.key", KEY_BYTES)]),
        lifetimes,
        Signing(
            ring,
            database,
            clock,
            max_age=timedelta(seconds=settings.signing_key_s),
            longest_token=lifetimes.longest,
        ),
        MeshMembers(database),
        LinkRegistry(database, clock, silence=timedelta(seconds=settings.link_silence_s)),
        throttle,
        SingleSignOn.build(settings, database, throttle, clock),
    )


async def _first_start(base: _Foundation, setup_token: SetupToken) -> None:
    """Makes what is missing; every step finds its work done the next time."""
    settings, database = base.settings, base.database
    await database.write(
        setup.ensure_organization, settings.organization, settings.organization_display_name
    )
    await database.write(links.forget_open)
    await base.signing.open()
    await base.members.reload()
    setup_token.keep(
        await database.write(setup.ensure_setup_token, settings.organization, setup_token.read())
    )


def _serve(
    base: _Foundation, passwords: Passwords, setup_token: SetupToken, denials: DenialLog
) -> MeshServer:
    ring = base.signing.ring
    endpoint = _MeshEndpoint(base.settings)
    server = MeshServer(
        base.settings,
        credentials=base.credentials,
        services=_services(base, passwords, setup_token, endpoint),
        verifier=TokenVerifier([ring.trusted], audience=ring.issuer, clock=base.clock),
        authorizer=Authorizer(base.database),
        clock=base.clock,
        extra_checks=extra_checks(base.database),
        denied=denials,
        denied_serials=base.members.denied_serials,
        readiness={"database": base.database.ping},
    )
    endpoint.server = server
    return server


class _MeshEndpoint:
    """Where members dial: known for sure only once the port is bound."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.server: MeshServer | None = None

    def __call__(self) -> str:
        assert self.server is not None
        host = self._settings.host_names[0]
        return self._settings.mesh_endpoint or f"{host}:{self.server.ports.mesh}"


def _services(
    base: _Foundation, passwords: Passwords, setup_token: SetupToken, endpoint: _MeshEndpoint
) -> list[Service]:
    database, pages, settings = base.database, base.pages, base.settings
    accounts = Accounts(
        database,
        passwords,
        base.throttle,
        lifetimes=base.lifetimes,
        organization=settings.organization,
        on_set_up=setup_token.remove,
    )
    return [
        Service(
            auth_pb2.DESCRIPTOR.services_by_name["AuthService"],
            auth_pb2_grpc.add_AuthServiceServicer_to_server,
            AuthServicer(
                database,
                accounts=accounts,
                grants=Grants(database, base.lifetimes, base.clock),
                logins=base.single_sign_on.logins,
                issuer=TokenIssuer(base.signing.ring, base.lifetimes, base.clock),
                signing=base.signing,
                throttle=base.throttle,
                organization=settings.organization,
                public_url=settings.public_url,
            ),
        ),
        Service(
            users_pb2.DESCRIPTOR.services_by_name["UserService"],
            users_pb2_grpc.add_UserServiceServicer_to_server,
            UserServicer(database, accounts=accounts, pages=pages, lifetimes=base.lifetimes),
        ),
        *_people(base),
        *_administration(base),
        *_programs(base),
        _identity_providers(base),
        *_mesh_services(base, endpoint),
    ]


def _people(base: _Foundation) -> list[Service]:
    """Who belongs where, and where they are signed in."""
    return [
        Service(
            members_pb2.DESCRIPTOR.services_by_name["MemberService"],
            members_pb2_grpc.add_MemberServiceServicer_to_server,
            MemberServicer(
                base.database, pages=base.pages, lifetimes=base.lifetimes, clock=base.clock
            ),
        ),
        Service(
            sessions_pb2.DESCRIPTOR.services_by_name["SessionService"],
            sessions_pb2_grpc.add_SessionServiceServicer_to_server,
            SessionServicer(base.database, pages=base.pages, lifetimes=base.lifetimes),
        ),
    ]


def _identity_providers(base: _Foundation) -> Service:
    sso = base.single_sign_on
    return Service(
        identity_providers_pb2.DESCRIPTOR.services_by_name["IdentityProviderService"],
        identity_providers_pb2_grpc.add_IdentityProviderServiceServicer_to_server,
        IdentityProviderServicer(
            base.database,
            logins=sso.logins,
            vault=sso.vault,
            policy=sso.policy,
            proofs=sso.proofs,
            pages=base.pages,
        ),
    )


def _administration(base: _Foundation) -> list[Service]:
    """Organizations, teams, grants, and what the server is."""
    return [
        Service(
            organizations_pb2.DESCRIPTOR.services_by_name["OrganizationService"],
            organizations_pb2_grpc.add_OrganizationServiceServicer_to_server,
            OrganizationServicer(base.database, pages=base.pages),
        ),
        Service(
            access_pb2.DESCRIPTOR.services_by_name["AccessService"],
            access_pb2_grpc.add_AccessServiceServicer_to_server,
            AccessServicer(base.database, pages=base.pages, clock=base.clock),
        ),
        Service(
            teams_pb2.DESCRIPTOR.services_by_name["TeamService"],
            teams_pb2_grpc.add_TeamServiceServicer_to_server,
            TeamServicer(base.database, pages=base.pages),
        ),
        Service(
            system_pb2.DESCRIPTOR.services_by_name["SystemService"],
            system_pb2_grpc.add_SystemServiceServicer_to_server,
            SystemServicer(base.authority),
        ),
    ]


def _programs(base: _Foundation) -> list[Service]:
    """Who acts without being a person."""
    return [
        Service(
            service_accounts_pb2.DESCRIPTOR.services_by_name["ServiceAccountService"],
            service_accounts_pb2_grpc.add_ServiceAccountServiceServicer_to_server,
            ServiceAccountServicer(base.database, pages=base.pages, lifetimes=base.lifetimes),
        ),
    ]


def _mesh_services(base: _Foundation, endpoint: _MeshEndpoint) -> list[Service]:
    """The registry, and what members of the mesh call."""
    settings = base.settings
    times = LinkTimes(
        settings.link_heartbeat_s,
        settings.link_silence_s,
        timedelta(seconds=settings.policy_max_age_s),
    )
    return [
        Service(
            workspaces_pb2.DESCRIPTOR.services_by_name["WorkspaceService"],
            workspaces_pb2_grpc.add_WorkspaceServiceServicer_to_server,
            WorkspaceServicer(
                base.database,
                authority=base.authority,
                members=base.members,
                registry=base.registry,
                pages=base.pages,
                clock=base.clock,
                trust_domain=settings.trust_domain,
            ),
        ),
        Service(
            enrollment_pb2.DESCRIPTOR.services_by_name["EnrollmentService"],
            enrollment_pb2_grpc.add_EnrollmentServiceServicer_to_server,
            EnrollmentServicer(
                base.database,
                authority=base.authority,
                registry=base.registry,
                clock=base.clock,
                times=times,
                identity=base.credentials.identity,
                mesh_endpoint=endpoint,
            ),
        ),
    ]


def _lifetimes(settings: Settings) -> Lifetimes:
    return Lifetimes(
        access=timedelta(seconds=settings.access_token_s),
        workspace=timedelta(seconds=settings.workspace_token_s),
        session=timedelta(seconds=settings.session_s),
        idle=timedelta(seconds=settings.session_idle_s),
    )

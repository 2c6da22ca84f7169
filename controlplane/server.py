"""The control plane, wired: every object built and joined here, top to bottom."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from controlplane.auditing.notary import Notary
from controlplane.auditing.signer import Signer
from controlplane.auditing.witness import Witness
from controlplane.authorization import Authorizer, extra_checks
from controlplane.chains import chains_of
from controlplane.config import Settings
from controlplane.events import encode_event
from controlplane.fleet.hands import Tools
from controlplane.fleet.keeper import FleetKeeper, end_servers
from controlplane.foundation import Endpoints, Foundation
from controlplane.founders import invite_founders
from controlplane.identity.keys import KeyFiles, KeyRing
from controlplane.identity.passwords import Passwords
from controlplane.identity.throttle import Throttle
from controlplane.identity.tokens import Lifetimes
from controlplane.linking.health import LinkRegistry
from controlplane.membership import MeshMembers
from controlplane.operations import links, setup
from controlplane.operations.keys import KeyTimes
from controlplane.permissions import Scope
from controlplane.provisioners.choice import make_provisioner
from controlplane.rollover import Rollover
from controlplane.servicers.audit import audit_checks
from controlplane.services import services
from controlplane.setup_token import SetupToken
from controlplane.signing import Signing
from controlplane.single_sign_on import SingleSignOn
from controlplane.store.schema import Base
from controlplane.upgrade import upgrade
from controlplane.upkeep import Upkeep
from meshkit import files
from meshkit.clock import Clock, SystemClock
from meshkit.database import Database
from meshkit.denials import DenialLog
from meshkit.engines import serve_alone
from meshkit.feed_metrics import expose_feed
from meshkit.jobs import Job, Lease
from meshkit.paging import KEY_BYTES, PageTokens
from meshkit.server import MeshServer
from meshkit.tokens import TokenVerifier

_EXPIRY_S = 10.0


async def build(
    settings: Settings, *, clock: Clock | None = None, passwords: Passwords | None = None
) -> MeshServer:
    """Builds a control plane that is ready to start; the first time, with all it needs made.

    Raises ConfigError where another server runs on the same SQLite database.
    """
    let_others_in = serve_alone(settings.database)
    try:
        return await _build(settings, clock or SystemClock(), passwords, let_others_in)
    except BaseException:
        let_others_in()
        raise


async def _build(
    settings: Settings,
    clock: Clock,
    passwords: Passwords | None,
    let_others_in: Callable[[], None],
) -> MeshServer:
    files.make_private_directory(settings.data_dir)
    setup_token = SetupToken(settings.data_dir, settings.public_url)
    with files.locked(settings.data_dir):
        base = await _lay_foundation(settings, clock)
        await _first_start(base, setup_token)
    passwords = passwords or Passwords(threads=settings.password_threads)
    denials = DenialLog(base.database)
    upkeep = Upkeep(
        base.database,
        signing=base.signing,
        lifetimes=base.lifetimes,
        members=base.members,
        rollover=base.rollover,
        credentials=base.credentials,
        host_names=settings.host_names,
        clock=base.clock,
        jobs=[*base.notary.jobs, Job("links", _expire_links(base), _EXPIRY_S), *_fleet_jobs(base)],
    )
    server = _serve(base, passwords, setup_token, denials)

    async def close() -> None:
        await upkeep.close()
        if base.provisioner:
            if settings.end_workspaces_on_stop:
                await end_servers(base.provisioner)
            await base.provisioner.close()
        await denials.close()
        passwords.close()
        base.single_sign_on.close()
        await base.database.close()
        let_others_in()

    server.on_close(close)
    await upkeep.open()
    return server


def _expire_links(base: Foundation) -> Callable[[Lease], Awaitable[None]]:
    async def expire(_lease: Lease) -> None:
        await base.registry.expire()

    return expire


def _fleet_jobs(base: Foundation) -> list[Job]:
    """What keeps the servers of workspaces running, where this control plane runs any."""
    if base.provisioner is None:
        return []
    tools = Tools(
        base.database,
        base.provisioner,
        registry=base.registry,
        members=base.members,
        trust_domain=base.settings.trust_domain,
        ca_digest=lambda: base.authority.fingerprint.removeprefix("sha256:"),
        patience=base.patience,
    )
    lease_s = base.settings.fleet_lease_s
    return [Job("fleet", FleetKeeper(tools).run, interval_s=1.0, lease_s=lease_s)]


async def _lay_foundation(settings: Settings, clock: Clock) -> Foundation:
    data = settings.data_dir
    await upgrade(settings)
    database = await Database.open(
        settings.database,
        metadata=Base.metadata,
        encode_event=encode_event,
        clock=clock,
        chains_of=chains_of,
    )
    rollover = Rollover(
        database,
        data,
        trust_domain=settings.trust_domain,
        clock=clock,
        lifetime=timedelta(seconds=settings.certificate_s),
    )
    await rollover.open()
    credentials = rollover.authority.own_credentials(
        settings.credentials_dir,
        trust_domain=settings.trust_domain,
        host_names=settings.host_names,
    )
    lifetimes = _lifetimes(settings)
    endpoints = Endpoints(settings)
    ring = KeyRing(str(credentials.identity), KeyFiles(data / "signing-keys"), clock)
    throttle = Throttle(settings.sign_in_per_minute, clock)
    return Foundation(
        settings,
        clock,
        database,
        rollover,
        credentials,
        PageTokens([files.read_or_make_key(data / "page-token.key", KEY_BYTES)]),
        lifetimes,
        Signing(
            ring,
            database,
            clock,
            times=KeyTimes(
                max_age=timedelta(seconds=settings.signing_key_s),
                notice=timedelta(seconds=settings.signing_key_notice_s),
                longest_token=lifetimes.longest,
            ),
        ),
        MeshMembers(database),
        LinkRegistry(database, clock, silence=timedelta(seconds=settings.link_silence_s)),
        throttle,
        SingleSignOn.build(settings, database, throttle=throttle, lifetimes=lifetimes, clock=clock),
        endpoints,
        make_provisioner(settings, endpoints, credentials.identity.uid),
        Notary(
            database,
            Signer(data / "audit-signing.pem", clock),
            Witness(data / "audit-witness"),
            clock,
            retention=timedelta(seconds=settings.audit_retention_s),
        ),
    )


async def _first_start(base: Foundation, setup_token: SetupToken) -> None:
    """Makes what is missing; every step finds its work done the next time."""
    settings, database = base.settings, base.database
    await database.write(
        setup.ensure_organization, settings.organization, settings.organization_display_name
    )
    await database.write(links.forget_open)
    await base.signing.open()
    await base.members.reload()
    await base.notary.open()
    await invite_founders(settings, database, base.authority.fingerprint)
    setup_token.keep(
        await database.write(setup.ensure_setup_token, settings.organization, setup_token.read())
    )


def _serve(
    base: Foundation, passwords: Passwords, setup_token: SetupToken, denials: DenialLog
) -> MeshServer:
    ring = base.signing.ring
    server = MeshServer(
        base.settings,
        credentials=base.credentials,
        services=services(base, passwords, setup_token),
        verifier=TokenVerifier([ring.trusted], audience=ring.issuer, clock=base.clock),
        authorizer=Authorizer(base.database, Scope(base.settings.organization)),
        clock=base.clock,
        extra_checks={
            **extra_checks(base.database, first_organization=base.settings.organization),
            **audit_checks(base.settings.organization),
        },
        denied=denials,
        denied_serials=base.members.denied_serials,
        readiness={"database": base.database.ping},
    )
    expose_feed(server.metrics, base.database.feed)
    base.endpoints.server = server
    return server


def _lifetimes(settings: Settings) -> Lifetimes:
    return Lifetimes(
        access=timedelta(seconds=settings.access_token_s),
        workspace=timedelta(seconds=settings.workspace_token_s),
        session=timedelta(seconds=settings.session_s),
        idle=timedelta(seconds=settings.session_idle_s),
        federated=timedelta(seconds=settings.federated_token_s),
    )

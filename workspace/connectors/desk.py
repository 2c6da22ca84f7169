"""Works with the services behind connectors: one connector's trouble stays its own."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from uuid import UUID
from weakref import WeakValueDictionary

from meshkit.breaker import Breaker
from meshkit.clock import Clock
from meshkit.database import Database
from meshkit.egress import Egress, EgressPolicy
from meshkit.errors import MeshError
from meshkit.ids import new_uid
from meshkit.jobs import acquire, release
from workspace.config import WorkspaceSettings
from workspace.connectors import configs, types
from workspace.connectors.failures import rejected, unavailable
from workspace.connectors.issuing import Issuer
from workspace.connectors.model import Connector, ConnectorType, Issued, Resource, Setup, Wanted
from workspace.connectors.wire import Wire
from workspace.operations import service_connectors as operations
from workspace.secrets.apart import apart
from workspace.secrets.keeper import SecretKeeper
from workspace.secrets.sealer import Sealer
from workspace.store import service_connectors as store
from workspace.store.schema_connectors import ServiceConnector

# Conversations with one service at once; behind one that hangs, waiting is in vain.
_PLACES = 16
# Between two looks whether it is our turn.
_TURN_S = 0.1


class ConnectorDesk:
    """Verifies, lists and issues; close it to end what is under way."""

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        keeper: SecretKeeper,
        settings: WorkspaceSettings,
        clock: Clock,
    ) -> None:
        policy = EgressPolicy(settings.egress_networks, settings.egress_ca_file)
        self._egress = Egress(policy)
        self._timeout_s = settings.connector_timeout_s
        self._wire = Wire(self._egress, timeout_s=self._timeout_s)
        self._identities = settings.workload_identity_dir
        self._database = database
        self._sealer = sealer
        self._keeper = keeper
        self._clock = clock
        self._issuer = Issuer(clock)
        self._taken: Counter[UUID] = Counter()
        self._breaker = Breaker(clock, "CONNECTOR_UNAVAILABLE")
        self._holder = str(new_uid())
        self._turns: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()

    async def identify(self, row: ServiceConnector) -> str:
        """As whom the service knows the connector."""
        async with self._speaking(row) as connector:
            return await connector.identify()

    async def resources(self, row: ServiceConnector, resource_type: str) -> Sequence[Resource]:
        """What of a type the connector reaches."""
        configs.require_offered(row, resource_type)
        async with self._speaking(row) as connector:
            return await connector.resources(resource_type)

    async def try_out(self, row: ServiceConnector, wanted: Wanted) -> None:
        """Has credentials issued, and throws them away."""
        await self._issue(row, configs.narrowed(row, wanted))

    async def issue(self, row: ServiceConnector, wanted: Wanted) -> Issued:
        """Credentials for one resource: new ones, or those that were issued not long ago."""
        wanted = configs.narrowed(row, wanted)
        return await self._issuer.get(
            (row.uid, row.changes, wanted), lambda: self._issue(row, wanted)
        )

    async def close(self) -> None:
        await self._issuer.close()
        self._egress.close()

    async def _issue(self, row: ServiceConnector, wanted: Wanted) -> Issued:
        type_ = types.get(row.type)
        method = type_.auth_method(row.auth_method) if type_ else None
        if method is None or not method.replaces_secrets:
            return await self._ask(row, wanted)
        # A secret that is good for one use is used by one caller at a time, and as it is then.
        async with self._turns.setdefault(row.uid, asyncio.Lock()), self._turn(row):
            fresh = await self._database.read(store.get, row.id)
            return await self._ask(fresh if fresh and fresh.uid == row.uid else row, wanted)

    async def _ask(self, row: ServiceConnector, wanted: Wanted) -> Issued:
        async with self._speaking(row) as connector:
            issued = await connector.issue(wanted)
        if issued.replaced:
            # Whoever asked may be gone: the only copy of what came back is here.
            keeping = self._database.write(
                operations.replace_secrets,
                self._sealer,
                row.uid,
                row.id,
                issued.replaced,
                used=row.secrets,
            )
            await asyncio.shield(apart(keeping))
        return issued

    @asynccontextmanager
    async def _turn(self, row: ServiceConnector) -> AsyncIterator[None]:
        """Keeps other replicas from using a connector's secret, for longer than a call may take.

        One that dies meanwhile is waited for no longer than that.
        """
        lease = None
        name, lease_s = store.turn_of(row.uid), 2 * self._timeout_s
        try:
            async with asyncio.timeout(3 * self._timeout_s):
                while lease is None:
                    taking = self._database.write(
                        acquire, self._database.tables, name, self._holder, lease_s
                    )
                    lease = await apart(taking)
                    await asyncio.sleep(0 if lease else _TURN_S)
        except TimeoutError as error:
            raise unavailable(row.name, "is asked by other replicas all the time") from error
        try:
            yield
        finally:
            with suppress(MeshError):
                await asyncio.shield(apart(self._database.write(release, lease)))

    @asynccontextmanager
    async def _speaking(self, row: ServiceConnector) -> AsyncIterator[Connector]:
        """A conversation with the service, within its time and its places."""
        if self._taken[row.uid] >= _PLACES:
            raise unavailable(row.name, "is asked by too many callers at once")
        self._taken[row.uid] += 1
        try:
            # One that was changed since may well answer.
            with self._breaker.passing(
                (row.uid, row.changes), lambda told: unavailable(row.name, told)
            ):
                async with self._in_time(row):
                    yield await self._connector(row)
        finally:
            self._taken[row.uid] -= 1
            if not self._taken[row.uid]:
                del self._taken[row.uid]

    @asynccontextmanager
    async def _in_time(self, row: ServiceConnector) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._timeout_s):
                yield
        except TimeoutError as error:
            raise unavailable(row.name, "takes too long") from error

    async def _connector(self, row: ServiceConnector) -> Connector:
        type_ = types.get(row.type)
        if type_ is None:
            raise unavailable(row.name, f"is of a type that this server does not know: {row.type}")
        config = row.config | operations.secrets_of(self._sealer, row)
        if row.secret:
            config = await self._with_secret(row, type_) | config
        setup = Setup(row.name, row.auth_method, config, self._wire, self._clock, self._identity)
        return type_.connect(setup)

    async def _with_secret(self, row: ServiceConnector, type_: ConnectorType) -> dict[str, str]:
        """The secret properties that are keys of the connector's secret."""
        method = type_.auth_method(row.auth_method)
        fields = method.secret_fields if method else ()
        values = await self._keeper.values(row.secret, reader=row.secret_reader)
        found = {name: value for name, value in values.items() if name in fields}
        properties = method.properties if method else ()
        required = {each.name for each in properties if each.secret and each.required}
        lacking = sorted(required - {*found, *row.secret_fields})
        if lacking:
            raise rejected(row.name, f"secrets/{row.secret} has no key {', '.join(lacking)}")
        return found

    def _identity(self, cloud: str) -> str:
        """The workspace's own token for a cloud: a small file that the operator mounts."""
        if self._identities is None:
            return ""
        file = Path(self._identities) / cloud
        return file.read_text(encoding="utf-8").strip() if file.is_file() else ""

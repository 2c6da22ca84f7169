"""Opens the store that a component describes, with the credentials that it names."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from meshkit.egress import Egress, EgressPolicy
from meshkit.objects import open_store
from meshkit.objects.port import CredentialSource, ObjectStore
from workspace.connectors.model import AwsKeys, AzureAccess, Credentials, GcpToken, Issued
from workspace.stacks.checks import FailedCheckError
from workspace.stacks.stores import kind_of, uri_of
from workspace.store.schema_stacks import Component

Issue = Callable[[], Awaitable[Issued]]
# Fields of configurations, and what obstore calls them.
_OPTIONS = {
    "s3": {
        "region": "region",
        "endpoint_url": "endpoint",
        "access_key_id": "access_key_id",
        "secret_access_key": "secret_access_key",
    },
    "gcs": {"endpoint_url": "base_url", "service_account_key": "service_account_key"},
    "azure": {
        "account_name": "account_name",
        "endpoint_url": "endpoint",
        "account_key": "account_key",
    },
}


class StoreOpener:
    """Opens stores for the server itself; local ones only below `directories`."""

    def __init__(self, egress: Egress, policy: EgressPolicy, directories: Sequence[Path]) -> None:
        self._egress = egress
        self._policy = policy
        self._directories = [directory.resolve() for directory in directories]

    async def open(
        self, component: Component, config: Mapping[str, Any], issue: Issue | None
    ) -> ObjectStore:
        """The store; `config` has its secrets in it. Raises FailedCheckError, EgressError."""
        kind = kind_of(component)
        if kind == "local":
            self._check_directory(Path(config["path"]))
            return open_store(uri_of(component))
        await self._check_endpoint(str(config.get("endpoint_url", "")))
        names = _OPTIONS[kind]
        options = {names[name]: str(value) for name, value in config.items() if name in names}
        credentials = _source(issue) if issue else None
        return open_store(uri_of(component), options, credentials=credentials)

    def _check_directory(self, path: Path) -> None:
        """A link on the way would lead elsewhere: what counts is where the path ends."""
        found = path.resolve()
        if not any(found.is_relative_to(directory) for directory in self._directories):
            raise FailedCheckError(
                f"{path} is not below a directory that this server may use for stores.",
                "Ask whoever runs the server to add it to WEFT_WORKSPACE_STORE_DIRECTORIES.",
            )
        if not found.is_dir():
            raise FailedCheckError(
                f"{path} is no directory on the machine of the workspace server.",
                "Make it there, or mount it.",
            )

    async def _check_endpoint(self, url: str) -> None:
        """An address that somebody chose leads nowhere that connectors' may not lead either.

        The library connects by itself, a moment later: against DNS that answers differently then,
        only a network policy around the server helps.
        """
        if not url:
            return
        scheme, _, rest = url.partition("://")
        host = rest.partition("/")[0]
        host = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        for address in await self._egress.resolve(host):
            self._policy.require(address, scheme)


def _source(issue: Issue) -> CredentialSource:
    """What obstore asks for credentials, again before they end."""

    async def credentials() -> Mapping[str, Any]:
        issued = await issue()
        return {**_keys(issued.credentials), "expires_at": issued.expire_time}

    return credentials


def _keys(credentials: Credentials) -> dict[str, Any]:
    if isinstance(credentials, AwsKeys):
        return {
            "access_key_id": credentials.access_key_id,
            "secret_access_key": credentials.secret_access_key,
            "token": credentials.session_token or None,
        }
    if isinstance(credentials, GcpToken):
        return {"token": credentials.access_token}
    if isinstance(credentials, AzureAccess):
        if credentials.sas_token:
            return {"sas_token": credentials.sas_token}
        return {"token": credentials.access_token}
    raise FailedCheckError(
        "The connector's credentials are not of the kind that stores take.",
        "Choose a connector of the store's own cloud.",
    )

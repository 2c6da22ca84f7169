"""What types of connectors are made of, and what they issue."""

import enum
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from meshkit.clock import Clock
from workspace.connectors.wire import Wire

MAX_TTL = timedelta(hours=1)
# What the workspace may prove its own identity to others with; the operator puts it there.
WorkloadIdentity = Callable[[str], str]


class Access(enum.StrEnum):
    """What issued credentials may do with their resource."""

    READ = "READ"
    WRITE = "WRITE"


@dataclass(frozen=True, slots=True)
class Property:
    """One field of a config. `steers` says that it decides to whom the secrets are shown."""

    name: str
    description: str
    required: bool = False
    secret: bool = False
    steers: bool = False
    pattern: str = ""
    max_length: int = 2048
    choices: tuple[str, ...] = ()

    def schema(self) -> dict[str, Any]:
        """Its JSON Schema."""
        found: dict[str, Any] = {"type": "string", "description": self.description}
        found |= {"minLength": 1, "maxLength": self.max_length}
        if self.secret:
            found["writeOnly"] = True
        if self.pattern:
            found["pattern"] = f"^(?:{self.pattern})$"
        if self.choices:
            found["enum"] = list(self.choices)
        return found

    def problem(self, value: object) -> str:
        """What is wrong with a value, which is not repeated; empty where it fits."""
        if not isinstance(value, str) or not value:
            return "must be a string that is not empty"
        if len(value) > self.max_length:
            return f"must have at most {self.max_length} characters"
        if self.choices and value not in self.choices:
            return f"must be one of {', '.join(self.choices)}"
        if self.pattern and not re.fullmatch(self.pattern, value):
            return f"must match {self.pattern}"
        return ""


@dataclass(frozen=True, slots=True)
class AuthMethod:
    """A way to sign in; `replaces_secrets` where the service may give others in place of ours."""

    id: str
    display_name: str
    description: str
    properties: tuple[Property, ...]
    replaces_secrets: bool = False

    @property
    def secret_fields(self) -> tuple[str, ...]:
        return tuple(each.name for each in self.properties if each.secret)

    @property
    def steering_fields(self) -> frozenset[str]:
        return frozenset(each.name for each in self.properties if each.steers)

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the whole config, secrets included."""
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {each.name: each.schema() for each in self.properties},
            "required": [each.name for each in self.properties if each.required],
            "additionalProperties": False,
        }


@dataclass(frozen=True, slots=True)
class ResourceType:
    """Something that credentials are issued for; without `example` there is nothing to name."""

    id: str
    display_name: str
    description: str
    example: str = ""
    pattern: str = ""
    # A resource may have longer names too; this gives the one that it is judged by.
    canonical: Callable[[str], str] = str

    def problem(self, resource_id: str) -> str:
        """What is wrong with the name of a resource; empty where it fits."""
        if not self.example:
            return "must be empty: there is nothing to name" if resource_id else ""
        if not resource_id:
            return f"is required, such as {self.example}"
        if not re.fullmatch(self.pattern, resource_id):
            return f"must be like {self.example}"
        return ""


@dataclass(frozen=True, slots=True)
class Resource:
    """One thing behind a connector."""

    id: str
    location: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What credentials are asked for."""

    resource_type: str
    resource_id: str
    access: Access = Access.READ
    ttl: timedelta = MAX_TTL


@dataclass(frozen=True, slots=True)
class AwsKeys:
    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    region: str = ""
    endpoint_uri: str = ""


@dataclass(frozen=True, slots=True)
class GcpToken:
    access_token: str = field(repr=False)
    project: str = ""
    endpoint_uri: str = ""


@dataclass(frozen=True, slots=True)
class AzureAccess:
    """Either a shared access signature of a container or a token."""

    sas_token: str = field(default="", repr=False)
    access_token: str = field(default="", repr=False)
    storage_account: str = ""
    endpoint_uri: str = ""


@dataclass(frozen=True, slots=True)
class ClusterToken:
    server: str
    token: str = field(repr=False)
    certificate_authority: str = ""
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class RegistryLogin:
    """Either a user name and password or a bearer token."""

    registry: str
    username: str = ""
    password: str = field(default="", repr=False)
    bearer_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Bearer:
    access_token: str = field(repr=False)
    scope: str = ""


Credentials = AwsKeys | GcpToken | AzureAccess | ClusterToken | RegistryLogin | Bearer


@dataclass(frozen=True, slots=True)
class Issued:
    """Credentials and their end; `replaced` are secrets that the service gave in place of ours."""

    credentials: Credentials
    resource_id: str
    expire_time: datetime
    replaced: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Setup:
    """A connector, ready to speak: its whole config with the secrets in it."""

    name: str
    auth_method: str
    config: Mapping[str, str] = field(repr=False)
    wire: Wire
    clock: Clock
    identity: WorkloadIdentity

    def get(self, name: str, default: str = "") -> str:
        return self.config.get(name, default)


class Connector(Protocol):
    """Speaks with one service as one connector, for the length of one call.

    Every method raises FailedPrecondition `CONNECTOR_REJECTED`, `CONNECTOR_FORBIDDEN`,
    `CONNECTOR_UNSUPPORTED` or `CONNECTOR_RESOURCE_UNKNOWN`, or Unavailable.
    """

    async def identify(self) -> str:
        """As whom the service knows us."""

    async def resources(self, resource_type: str) -> Sequence[Resource]:
        """What of a type there is."""

    async def issue(self, wanted: Wanted) -> Issued:
        """Credentials for one resource, with no more rights than were asked for."""


@dataclass(frozen=True, slots=True)
class ConnectorType:
    """A type: what people read of it, and how connectors of it are made."""

    id: str
    display_name: str
    description: str
    auth_methods: tuple[AuthMethod, ...]
    resource_types: tuple[ResourceType, ...]
    connect: Callable[[Setup], Connector]

    def auth_method(self, id_: str) -> AuthMethod | None:
        return next((each for each in self.auth_methods if each.id == id_), None)

    def resource_type(self, id_: str) -> ResourceType | None:
        return next((each for each in self.resource_types if each.id == id_), None)

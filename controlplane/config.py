"""Settings of the control plane: `WEFT_CONTROLPLANE_<NAME>`, or a TOML file."""

import re
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from meshkit.config import ServerSettings
from meshkit.resources import ID_PATTERN

# Plain http is for gateways of this machine alone.
_GATEWAY_URL = re.compile(
    r"(https://[A-Za-z0-9.-]+|http://(localhost|127\.0\.0\.1))(:[1-9][0-9]{0,4})?"
    r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*/?"
)


class Settings(ServerSettings):
    """What a control plane can be told; every setting has a safe default for one machine."""

    model_config = SettingsConfigDict(env_prefix="WEFT_CONTROLPLANE_", extra="ignore", frozen=True)

    data_dir: Path = Path("weft-data/controlplane")
    """Directory for the CA, signing keys and other secrets, and for the SQLite database."""
    database_url: str = ""
    """`sqlite:///path` or `postgresql://...`; a SQLite file in `data_dir` by default."""
    # Answered by the validator below, because it lies in the data directory.
    credentials_dir: Path = Path()
    """Directory of the control plane's own mesh credentials; inside `data_dir` by default."""
    edge_address: str = "127.0.0.1:7780"
    """Where people's clients and joining services connect: TLS."""
    mesh_address: str = "127.0.0.1:7781"
    """Where services of the mesh connect: mutual TLS."""
    health_address: str = "127.0.0.1:7782"
    """Where the kubelet asks for health: plaintext, grpc.health.v1 alone."""

    host_names: Annotated[tuple[str, ...], NoDecode] = ("localhost", "127.0.0.1")
    """Names and addresses in the control plane's certificate, separated by commas."""
    mesh_endpoint: str = ""
    """`host:port` that enrolled services dial; the first host name and the mesh port by default."""
    public_url: str = "http://localhost:8780"
    """Where people's browsers reach the dashboard; devices and the first start send them there."""
    gateway_urls: Annotated[tuple[str, ...], NoDecode] = ()
    """Where browsers reach further gateways, those of hybrid workspaces say, separated by commas:
    people who sign in there by single sign-on are sent back there. Their operators are trusted with
    the sessions of whoever does."""
    trust_domain: str = Field(
        default="weft.internal", pattern=r"^[a-z0-9]([a-z0-9.-]{0,198}[a-z0-9])?$"
    )
    """SPIFFE trust domain of this mesh; no host name of a certificate may lie inside it."""
    organization: str = Field(default="default", pattern=f"^{ID_PATTERN}$")
    """Id of the organization that the first start makes."""
    organization_display_name: str = ""
    """Its name for people; the id by default."""
    founders: Annotated[dict[str, tuple[str, ...]], NoDecode] = Field(default_factory=dict)
    """Services that may join before there is an administrator, each with the host names of its
    certificate: `workspace=HOST,gateway=HOST,gateway=HOST`; of workspace, workloads, gateway."""
    founders_dir: Path | None = None
    """Where their one-time tokens are written, as `SERVICE/enrollment-token`; `founders` in
    `data_dir` by default."""
    first_workspace: str = Field(default="default", pattern=f"^{ID_PATTERN}$")
    """Id of the workspace that they serve."""

    access_token_s: int = Field(default=600, ge=60, le=3600)
    """Life of an access token for the control plane."""
    workspace_token_s: int = Field(default=8 * 3600, ge=60, le=24 * 3600)
    """Life of an access token for a workspace: how long people go on without the control plane."""
    federated_token_s: int = Field(default=3600, ge=60, le=24 * 3600)
    """Life of what a program gets for a token of its own issuer, such as a CI job's."""
    session_s: int = Field(default=14 * 86400, ge=300)
    """Longest life of a session, however busy."""
    session_idle_s: int = Field(default=24 * 3600, ge=60)
    """How long a session lives without being refreshed."""
    policy_max_age_s: int = Field(default=24 * 3600, ge=60)
    """How long a workspace decides on its last policy while the control plane is away."""
    certificate_s: int = Field(default=7 * 86400, ge=60)
    """Life of a mesh certificate; services renew at half of it."""
    signing_key_s: int = Field(default=30 * 86400, ge=3600)
    """Age at which the key that signs tokens is replaced by the next one."""
    signing_key_notice_s: int = Field(default=86400, ge=0)
    """How long a key is published before it signs, so that every verifier knows it."""
    audit_retention_s: int = Field(default=0, ge=0)
    """Age at which audit rows are deleted, behind a signed anchor; 0 keeps them for good."""
    sign_in_per_minute: int = Field(default=10, ge=1)
    """Sign-ins, device codes, guesses of them and of organizations, by address and by account."""
    identity_provider_timeout_s: float = Field(default=5, gt=0, le=30)
    """How long everything may take that one sign-in asks of its identity provider."""
    egress_networks: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = ()
    """Networks beside the public one in which identity providers may be, separated by commas, such
    as 10.20.0.0/16. Plain http is for those in loopback networks alone, and for development."""
    egress_ca_file: Path | None = None
    """CA certificates that identity providers may have beside those the system trusts."""
    dns_servers: Annotated[tuple[str, ...], NoDecode] = ()
    """Resolvers that prove trusted domains, separated by commas; those of the system by default."""
    password_threads: int = Field(default=2, ge=1, le=16)
    """Password hashes computed at the same time; each takes 64 MiB for a moment."""
    link_silence_s: float = Field(default=45, gt=0)
    """Silence after which a link counts as broken: three heartbeats."""
    link_heartbeat_s: float = Field(default=15, gt=0)
    """How often a link with nothing to say says that it is alive."""
    bookmark_s: float = Field(default=15, gt=0)
    """How often an idle watch says how far it has come."""

    edge_endpoint: str = ""
    """`host:port` that servers dial to join; the first host name and the edge port by default."""
    provisioner: Literal["none", "processes", "kubernetes"] = "none"
    """What runs servers of workspaces: `processes` of this machine, `kubernetes`, or nothing."""
    workspaces_dir: Path | None = None
    """Where provisioned processes keep their data; `workspaces` in `data_dir` by default."""
    workspace_versions: Annotated[dict[str, str], NoDecode] = Field(default_factory=dict)
    """`VERSION=PLACE,...`, the newest last: interpreters of processes, images on Kubernetes. By
    default this version, with this interpreter; on Kubernetes there is no default."""
    kubeconfig: str = ""
    """A kubeconfig file for the `kubernetes` provisioner; empty inside the cluster."""
    kubernetes_namespace: str = "weft"
    """The namespace of provisioned workspaces."""
    kubernetes_storage: str = "10Gi"
    """Size of a provisioned workspace's volume."""
    kubernetes_storage_class: str = ""
    """Storage class of these volumes; the cluster's default where empty."""
    end_workspaces_on_stop: bool = False
    """Whether provisioned servers end with the control plane, as `weft up` has it; the next one
    starts them again."""
    workspace_ready_s: float = Field(default=600, gt=0)
    """How long a server may take to get ready before its operation fails, or goes back."""
    fleet_lease_s: float = Field(default=15, gt=0)
    """How long other replicas wait for the one that runs operations when it falls silent."""

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, values: Any) -> Any:
        values = dict(values)
        data = Path(values.get("data_dir") or cls.model_fields["data_dir"].default)
        values.setdefault("credentials_dir", data / "credentials")
        for name in ("host_names", "gateway_urls", "egress_networks", "dns_servers"):
            if isinstance(text := values.get(name), str):
                values[name] = tuple(part.strip() for part in text.split(",") if part.strip())
        if isinstance(text := values.get("founders"), str):
            values["founders"] = _founders(text)
        versions = values.get("workspace_versions")
        if isinstance(versions, str):
            values["workspace_versions"] = _versions(versions)
        return values

    @field_validator("gateway_urls")
    @classmethod
    def _are_places(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        for url in urls:
            if not _GATEWAY_URL.fullmatch(url):
                raise ValueError(f"{url!r} must look like https://weft.example.com")
        return tuple(url.rstrip("/") for url in urls)

    @model_validator(mode="after")
    def _knows_images(self) -> Self:
        if self.provisioner == "kubernetes" and not self.workspace_versions:
            raise ValueError("workspace_versions must name the image of at least one version")
        return self

    @model_validator(mode="after")
    def _has_a_host_name(self) -> Self:
        if not self.host_names:
            raise ValueError("host_names must hold at least one name")
        return self

    @property
    def database(self) -> str:
        """The database's URL."""
        return self.database_url or f"sqlite:///{self.data_dir / 'controlplane.db'}"

    @property
    def access_token_life(self) -> timedelta:
        return timedelta(seconds=self.access_token_s)

    @property
    def workspace_token_life(self) -> timedelta:
        return timedelta(seconds=self.workspace_token_s)


def _versions(text: str) -> dict[str, str]:
    """ "0.1.0=/opt/a/bin/python,0.2.0=/opt/b/bin/python" as a mapping, in its order."""
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    if not all(version.strip() and place.strip() for version, _, place in pairs):
        raise ValueError("workspace_versions must be VERSION=PLACE, separated by commas")
    return {version.strip(): place.strip() for version, _, place in pairs}


def _founders(text: str) -> dict[str, tuple[str, ...]]:
    """ "workspace=a,gateway=b,gateway=c" as the host names of each service."""
    found: dict[str, tuple[str, ...]] = {}
    for part in filter(str.strip, text.split(",")):
        service, _, host = (word.strip() for word in part.partition("="))
        if service not in {"workspace", "workloads", "gateway"} or not host:
            raise ValueError(
                "founders must be SERVICE=HOST, separated by commas; a service is one of "
                "workspace, workloads and gateway"
            )
        found[service] = (*found.get(service, ()), host)
    return found

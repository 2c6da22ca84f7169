"""Settings of a workspace server: `WEFT_WORKSPACE_*`."""

from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import unquote, urlsplit

from pydantic import Field, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from meshkit.config import MemberSettings
from meshkit.egress import EgressPolicy
from workspace.logs.amounts import Amount
from workspace.logs.amounts import Quota as LogQuota
from workspace.quotas import Limits, Quota


class WorkspaceSettings(MemberSettings):
    """What a workspace server can be told."""

    model_config = SettingsConfigDict(
        env_prefix="WEFT_WORKSPACE_", extra="ignore", frozen=True, env_ignore_empty=True
    )

    data_dir: Path
    """Directory for the database, keys, credentials, the policy, and artifacts and logs."""
    # Answered by the validator below, because it lies in the data directory.
    credentials_dir: Path = Path()
    """Directory of the mesh credentials; `credentials` in `data_dir` where not set."""
    database_url: str = ""
    """`sqlite:///path` or `postgresql://...`; `workspace.db` in `data_dir` where not set."""
    edge_address: str = "127.0.0.1:7790"
    """Where people's clients and runners connect: TLS with bearer tokens."""
    mesh_address: str = "127.0.0.1:7791"
    """Where services of the mesh connect: mutual TLS."""
    health_address: str = "127.0.0.1:7792"
    """Where the kubelet asks for health: plaintext, grpc.health.v1 alone."""
    edge_endpoint: str = ""
    """Where clients and runners reach the edge listener: "host:port", or those of several replicas
    with commas between; what was bound if not set."""
    runner_endpoint: str = ""
    """Where runners reach the edge listener, if not where people do: they trust the mesh's CA
    alone, so nothing with a certificate of another may stand between."""
    mesh_endpoint: str = ""
    """Where peers reach the mesh listener: "host:port"; what was bound if not set."""
    artifact_store_uri: str = ""
    """Where artifacts are written: `file://`, `s3://`, `gs://` or `az://`; `artifacts` in
    `data_dir` where not set."""
    allow_pickle: bool = True
    """Whether values without a typed materializer may be pickled, and pickled ones read: the SDK
    and runners obey, whatever WEFT_ALLOW_PICKLE says there. Reading pickled values runs code."""
    archive_store_uri: str = ""
    """Where runs are archived that their projects keep no longer: as the artifact store, and
    `_archive` in that where not set."""
    log_store_uri: str = ""
    """Where logs are kept: `file:///...`, or `s3://`, `gs://` or `az://` for sealed ones, which
    are then read from there; open ones grow in `logs` in `data_dir`, the place of all where not
    set."""
    log_store_options: dict[str, str] = Field(default_factory=dict)
    """Options of an object store for logs, as JSON, by their names in obstore: `region`,
    `endpoint`, `account_name`; the environment says what they do not."""
    keep_logs_s: float = 0.0
    """Age at which complete logs are deleted; 0 keeps them for as long as their runs."""
    log_forwarding_url: str = ""
    """Collector to which log lines are forwarded as OTLP over HTTP, in JSON:
    `https://host:4318`, which stands for `/v1/logs` there, or a whole URL; nowhere where not set.
    Networks beside the public one must be in `egress_networks`."""
    log_forwarding_headers: dict[str, str] = Field(default_factory=dict)
    """Headers for the collector, as JSON; `{{secrets.<id>.<key>}}` stands for the value of a
    shared secret of the workspace."""
    log_forwarding_interval_s: float = 2.0
    """How often lines are looked for that are to be forwarded."""
    log_quota_run_bytes: int = 10 << 30
    """How many bytes of log lines are kept of each run whose project does not say; 0 for any
    number. Lines beyond a quota are not kept, and the log says how many."""
    log_quota_run_lines: int = 0
    """How many log lines are kept of each run whose project does not say; 0 for any number."""
    log_quota_stream_bytes: int = 0
    """How many bytes are kept of each log of a step attempt; 0 for any number."""
    log_quota_stream_lines: int = 0
    """How many lines are kept of each log of a step attempt; 0 for any number."""
    log_quota_interval_s: float = 10.0
    """How often what logs have taken of their quotas is written down, besides when more is
    granted."""
    quota_runs: int = Field(0, ge=0)
    """How many runs all projects keep together, archived ones not counted; 0, as below, for any
    number. What is beyond a quota is refused, and projects may have lower ones of their own."""
    quota_artifact_versions: int = Field(0, ge=0)
    """How many versions of artifacts. Steps that are under way go beyond it; new runs wait."""
    quota_artifact_bytes: int = Field(0, ge=0)
    """How many bytes of artifacts; as with their versions, runs under way go on."""
    quota_log_bytes: int = Field(0, ge=0)
    """How many bytes of log lines. Further lines are not kept, and logs say how many."""
    quota_pipelines: int = Field(0, ge=0)
    """How many pipelines."""
    quota_snapshots: int = Field(0, ge=0)
    """How many snapshots and builds."""
    quota_model_versions: int = Field(0, ge=0)
    """How many versions of models; runs that are under way go beyond it."""
    quota_automations: int = Field(0, ge=0)
    """How many schedules, triggers, webhooks, alerters and code repositories."""
    quota_projects: int = Field(0, ge=0)
    """How many projects."""
    quota_infrastructure: int = Field(0, ge=0)
    """How many stacks, components, flavors, service connectors and secrets."""
    quota_interval_s: float = 30.0
    """How often quotas are looked at for `/metrics` and for warnings in the server's log."""
    log_archiving_interval_s: float = 30.0
    """How often sealed logs are copied to the object store."""
    keep_archived_logs_s: float = 600.0
    """How long files of a log that the object store holds stay here for readers."""
    secrets_key_file: Path | None = None
    """File of the keys that encrypt the keys of secrets; `secrets.keys` in `data_dir`, made at the
    first start, where not set. Replicas need the same one."""
    secrets_key_interval_s: float = 10.0
    """How often a replica looks for new keys of secrets."""
    egress_networks: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = ()
    """Networks beside the public one in which clusters, registries and other services behind
    connectors may be, separated by commas, such as 10.20.0.0/16. Plain http is for those in
    loopback networks alone, and for development."""
    egress_ca_file: Path | None = None
    """CA certificates that such services may have beside those the system trusts."""
    alert_timeout_s: float = 15.0
    """How long a target of an alerter may take to answer."""
    browser_url: str = ""
    """Where people see resources in their browsers: alerts link to it, followed by a resource's
    name; without it they have no link."""
    connector_timeout_s: float = 15.0
    """How long everything may take that one call asks of the service behind a connector."""
    code_fetch_timeout_s: float = 120.0
    """How long fetching the code of a snapshot from its code repository may take."""
    store_directories: Annotated[tuple[Path, ...], NoDecode] = ()
    """Directories in which local artifact and log stores of stacks may be, separated by commas;
    those in `data_dir` may always."""
    workload_identity_dir: Path | None = None
    """Directory of tokens with which this server proves its identity to clouds: `aws`, `gcp`,
    `azure`. Whoever may create connectors can use them; without it nobody can."""
    secrets_upkeep_interval_s: float = 5.0
    """How often values of secrets are looked for that are to be moved, copied or deleted."""
    log_sealing_interval_s: float = 30.0
    """How often logs are sealed whose runs have ended."""
    keep_events: int = 100_000
    """Events of the feed that are kept, however old; watches resume over as many."""
    keep_events_s: float = 86_400.0
    """Age up to which events of the feed are kept, however many."""
    audit_shipping_interval_s: float = 1.0
    """How often new audit rows are looked for, to be shipped to the control plane."""
    keep_audit_s: float = 0.0
    """Age at which audit rows that were shipped are deleted here; 0 keeps them for good."""
    job_lease_s: float = Field(default=30.0, gt=0)
    """How long other replicas wait for the one that runs a job when it falls silent."""
    retention_interval_s: float = 3600.0
    """How often runs are looked for that are to be archived; a rule that changes counts at once."""
    upkeep_interval_s: float = 600.0
    """How often what is older than that is deleted."""

    bookmark_s: float = 15.0
    """How often an idle watch says how far it has come."""
    silence_s: float = 60.0
    """Silence after which a run shows as unresponsive."""
    heartbeat_lease_s: float = 900.0
    """Silence after which a run is over, where no workload manager says so earlier."""
    reaper_interval_s: float = 10.0
    """How often silent runs are looked for, and signs of life written down."""
    launch_interval_s: float = 5.0
    """How often launches are looked at without being woken."""
    stop_grace_s: float = 60.0
    """How long a run that was asked to stop may keep its workload."""
    schedule_interval_s: float = 1.0
    """How often schedules are looked at whose time may have come."""
    start_patience_s: float = 900.0
    """How long a runner may take to start once its manager has a place for it."""

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, values: Any) -> Any:
        if isinstance(networks := values.get("egress_networks"), str):
            parts = tuple(part.strip() for part in networks.split(",") if part.strip())
            values = {**values, "egress_networks": parts}
        if isinstance(directories := values.get("store_directories"), str):
            found = tuple(part.strip() for part in directories.split(",") if part.strip())
            values = {**values, "store_directories": found}
        if "data_dir" in values:
            values = {"credentials_dir": Path(values["data_dir"]) / "credentials", **values}
        return values

    @model_validator(mode="after")
    def _check_forwarding(self) -> Self:
        url = self.log_forwarding_url
        if url and not EgressPolicy(self.egress_networks).accepts(url):
            raise ValueError(
                "WEFT_WORKSPACE_LOG_FORWARDING_URL must be https://, or http:// of a loopback "
                "address in WEFT_WORKSPACE_EGRESS_NETWORKS"
            )
        return self

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir / 'workspace.db'}"

    @property
    def artifact_store(self) -> str:
        return self.artifact_store_uri or f"file://{(self.data_dir / 'artifacts').absolute()}"

    @property
    def archive_store(self) -> str:
        return self.archive_store_uri or f"{self.artifact_store.rstrip('/')}/_archive"

    @property
    def secrets_key_interval(self) -> timedelta:
        return timedelta(seconds=self.secrets_key_interval_s)

    @property
    def key_file(self) -> Path:
        return self.secrets_key_file or self.data_dir / "secrets.keys"

    @property
    def keep_logs(self) -> timedelta:
        return timedelta(seconds=self.keep_logs_s)

    @property
    def log_quota(self) -> LogQuota:
        return LogQuota(
            Amount(self.log_quota_run_bytes, self.log_quota_run_lines),
            Amount(self.log_quota_stream_bytes, self.log_quota_stream_lines),
        )

    @property
    def quotas(self) -> Limits:
        """What the whole workspace may hold."""
        return {quota: getattr(self, f"quota_{quota}") for quota in Quota}

    @property
    def archives_logs(self) -> bool:
        """Whether sealed logs go to an object store."""
        return urlsplit(self.log_store_uri).scheme in ("s3", "gs", "az")

    @property
    def log_directory(self) -> Path:
        """The directory in which logs grow; ValueError for a `log_store_uri` of nothing we know."""
        if not self.log_store_uri or self.archives_logs:
            return self.data_dir / "logs"
        uri = urlsplit(self.log_store_uri)
        if uri.scheme != "file" or uri.netloc or not uri.path.startswith("/"):
            told = "must be file:///some/directory, s3://, gs:// or az://"
            raise ValueError(f"WEFT_WORKSPACE_LOG_STORE_URI {told}")
        return Path(unquote(uri.path))

    @property
    def silence(self) -> timedelta:
        return timedelta(seconds=self.silence_s)

    @property
    def heartbeat_lease(self) -> timedelta:
        return timedelta(seconds=self.heartbeat_lease_s)

    @property
    def start_patience(self) -> timedelta:
        return timedelta(seconds=self.start_patience_s)

    @property
    def stop_grace(self) -> timedelta:
        return timedelta(seconds=self.stop_grace_s)

"""The flavors that come with Weft: what their configuration holds, and what becomes of it.

EXECUTED are those that Weft works with itself: workload managers take an orchestrator's limits,
runs keep their artifacts in an artifact store, images are built and kept in a registry. RECORDED
are those that it keeps, tries out, and hands to the steps of runs, which do with them what they
are for.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

from workspace.stacks.configs import SECRET_MARK
from workspace.stacks.pods import POD_SCHEMA
from workspace.store.schema_stacks import Flavor

EXECUTED, RECORDED = "EXECUTED", "RECORDED"

Schema = dict[str, Any]

# Names every built-in flavor's uid, so that it is the same in every workspace.
_NAMESPACE = UUID("5d0f6e0c-6a3b-4f3c-9f43-64c1d8c0a2b1")
_BORN = datetime(2026, 11, 22, tzinfo=UTC)
_HOST = r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(:[0-9]{1,5})?"


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """A flavor of the code, with what becomes of its components' configuration."""

    flavor: Flavor
    use: str


def _text(title: str, *, pattern: str = "", most: int = 1024, **rules: Any) -> Schema:
    schema = {"type": "string", "title": title, "minLength": 1, "maxLength": most, **rules}
    return {**schema, "pattern": f"^(?:{pattern})$"} if pattern else schema


def _secret(title: str) -> Schema:
    return {"type": "string", "title": title, SECRET_MARK: True}


def _number(title: str, *, least: int, most: int) -> Schema:
    return {"type": "integer", "title": title, "minimum": least, "maximum": most}


def _object(*required: str, **properties: Schema) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


# What an orchestrator's configuration calls the workload manager that its runs go to.
MANAGER = "workload_manager"
_PREFIX = _text(
    "Folder in it, without slashes at its ends", pattern=r"[A-Za-z0-9_.=-]+(/[A-Za-z0-9_.=-]+)*"
)
_ENDPOINT = _text("URL of the service, where it is not the provider's own", pattern=r"https?://.+")
_VARIABLES = {
    "type": "object",
    "title": "Environment variables of every run",
    "maxProperties": 256,
    # What begins with WEFT_ is ours.
    "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_]{0,127}$", "not": {"pattern": "^WEFT_"}},
    "additionalProperties": {"type": "string", "maxLength": 8192},
}
_ORCHESTRATOR = _object(
    workload_manager=_text(
        "Workload manager that its runs go to, as `weft pools list` names it",
        pattern=r"workloadManagers/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    ),
    cpu_millis=_number("Processor time of a run, in thousandths of a core", least=10, most=10**6),
    memory_bytes=_number("Memory of a run", least=32 << 20, most=1 << 44),
    timeout_seconds=_number(
        "How long a run may take once it has a place, on Kubernetes with the pull of its image",
        least=1,
        most=2_592_000,
    ),
    environment=_VARIABLES,
    step_isolation={
        "enum": ["THREAD", "PROCESS", "WORKLOAD"],
        "title": "What executes steps that do not say it themselves",
    },
    max_step_workloads=_number("Steps in workloads of their own at a time", least=1, most=1000),
)
_KUBERNETES: Schema = {
    **_ORCHESTRATOR,
    "properties": {
        **_ORCHESTRATOR["properties"],
        "image": _text("Image of pods: of a registry that the operator allows", most=512),
        "gpu_count": _number("GPUs of a run", least=1, most=1024),
        "gpu_resource": _text("What the cluster calls them", pattern=r"[a-z0-9.-]+/[\w.-]+"),
        "ephemeral_storage_bytes": _number("Room for temporary files", least=1 << 20, most=1 << 50),
        "pod": POD_SCHEMA,
    },
}
_LOCAL = _object("path", path=_text("Directory that servers and runs share", pattern=r"/.+"))
_S3 = _object(
    "bucket",
    bucket=_text("Bucket", pattern=r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"),
    prefix=_PREFIX,
    region=_text("Region", pattern=r"[a-z0-9-]+", most=64),
    endpoint_url=_ENDPOINT,
    access_key_id=_text("Access key, where no connector gives one", most=256),
    secret_access_key=_secret("Its secret"),
)
_GCS = _object(
    "bucket",
    bucket=_text("Bucket", pattern=r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]"),
    prefix=_PREFIX,
    endpoint_url=_ENDPOINT,
    service_account_key=_secret("Key of a service account, as JSON, where no connector gives one"),
)
_AZURE = _object(
    "account_name",
    "container",
    account_name=_text("Storage account", pattern=r"[a-z0-9]{3,24}"),
    container=_text("Container", pattern=r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]"),
    prefix=_PREFIX,
    endpoint_url=_ENDPOINT,
    account_key=_secret("Key of the account, where no connector gives one"),
)
_REPOSITORY = _text(
    "Repository that images are pushed to",
    pattern=r"[a-z0-9][a-z0-9._/-]*",
    most=255,
)


def _registry(host: str) -> Schema:
    return _object(
        "registry",
        "repository",
        registry=_text("Host of the registry, and port", pattern=host, most=255),
        repository=_REPOSITORY,
        username=_text("User, where no connector gives one", most=256),
        password=_secret("Their password or token"),
    )


_DOCKER_HUB = _object(
    "repository",
    repository=_REPOSITORY,
    username=_text("User, where no connector gives one", most=256),
    password=_secret("Their access token"),
)
_BUILDER = _object(
    base_image=_text("Image that images are built from", most=512),
    build_arguments={
        "type": "object",
        "title": "Arguments of the build",
        "maxProperties": 64,
        "additionalProperties": {"type": "string", "maxLength": 1024},
    },
)
_WEBHOOK = _object(
    "url",
    url=_text("Where messages are posted", pattern=r"https?://.+", most=2048),
    signing_key=_secret("Key that messages are signed with"),
)
_SLACK = _object(
    "webhook_url",
    webhook_url=_secret("The channel's incoming webhook"),
    channel=_text("The channel's name, for people", most=128),
)
_EXTERNAL = _object(
    "uri",
    uri=_text("Address of the service", pattern=r"[a-z][a-z0-9+.-]*://.+", most=2048),
    token=_secret("What it is used with"),
    settings={"type": "object", "title": "What steps need to know beside", "maxProperties": 256},
)
_EXTERNAL_TYPES = (
    "step_operator",
    "experiment_tracker",
    "model_registry",
    "model_deployer",
    "feature_store",
    "data_validator",
    "annotator",
)


def _built_in(kind: str, type_: str, name: str, schema: Schema, use: str = RECORDED) -> BuiltIn:
    id_ = f"{kind}-{type_.replace('_', '-')}"
    uid = uuid5(_NAMESPACE, id_)
    words = f"{name}."
    return BuiltIn(Flavor(uid, id_, name, words, {}, type_, schema, "", _BORN), use)


def _stores(type_: str, what: str, use: str) -> list[BuiltIn]:
    return [
        _built_in("local", type_, f"{what} in a directory", _LOCAL, use),
        _built_in("s3", type_, f"{what} in S3, or what speaks its protocol", _S3, use),
        _built_in("gcs", type_, f"{what} in Google Cloud Storage", _GCS, use),
        _built_in("azure", type_, f"{what} in Azure Blob Storage", _AZURE, use),
    ]


def _registries() -> list[BuiltIn]:
    type_ = "container_registry"
    ecr = r"[0-9]{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?"
    gcr = r"([a-z0-9-]+-docker\.pkg\.dev|([a-z]+\.)?gcr\.io)"
    acr = r"[a-z0-9]{5,50}\.azurecr\.io"
    return [
        _built_in("generic", type_, "Any container registry", _registry(_HOST), EXECUTED),
        _built_in("ecr", type_, "Amazon Elastic Container Registry", _registry(ecr), EXECUTED),
        _built_in("gcr", type_, "Google Artifact Registry", _registry(gcr), EXECUTED),
        _built_in("acr", type_, "Azure Container Registry", _registry(acr), EXECUTED),
        _built_in("dockerhub", type_, "Docker Hub", _DOCKER_HUB, EXECUTED),
    ]


def _all() -> list[BuiltIn]:
    by_processes, by_kubernetes = "Runs as processes of one machine", "Runs as jobs of Kubernetes"
    return [
        _built_in("local", "orchestrator", by_processes, _ORCHESTRATOR, EXECUTED),
        _built_in("kubernetes", "orchestrator", by_kubernetes, _KUBERNETES, EXECUTED),
        *_stores("artifact_store", "Artifacts", EXECUTED),
        *_registries(),
        _built_in("local", "image_builder", "Images built where one submits", _BUILDER, EXECUTED),
        _built_in("in-cluster", "image_builder", "Images built in the cluster", _BUILDER, EXECUTED),
        *_stores("log_store", "Logs of steps' own", RECORDED),
        _built_in("webhook", "alerter", "Messages to a webhook", _WEBHOOK),
        _built_in("slack", "alerter", "Messages to a Slack channel", _SLACK),
        *(
            _built_in("external", type_, f"A {type_.replace('_', ' ')} of your own", _EXTERNAL)
            for type_ in _EXTERNAL_TYPES
        ),
    ]


BUILT_IN: dict[str, BuiltIn] = {each.flavor.id: each for each in _all()}

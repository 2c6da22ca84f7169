"""What people read and fill in of Google Cloud."""

from workspace.connectors.gcp import (
    BUCKET,
    CLUSTER,
    EXTERNAL,
    GENERIC,
    IMPERSONATION,
    REPOSITORY,
    SERVICE_ACCOUNT,
    GcpConnector,
)
from workspace.connectors.model import AuthMethod, ConnectorType, Property, ResourceType

_EMAIL = r"[a-z0-9.-]{1,64}@[a-z0-9.-]{1,200}"
_KEY = Property(
    "service_account_key",
    "The JSON file of the service account's key.",
    required=True,
    secret=True,
    max_length=20_000,
)
_COMMON = (
    Property(
        "project",
        "The project of the resources.",
        required=True,
        pattern=r"[a-z][a-z0-9:.-]{2,61}[a-z0-9]",
    ),
    Property("location", "Where container images are: europe-west1.", pattern=r"[a-z0-9-]{2,40}"),
    Property(
        "endpoint_url",
        "Where all services are, in place of Google's own addresses.",
        steers=True,
        pattern=r"https?://[^/?#@\s]+/?",
    ),
)

TYPE = ConnectorType(
    "gcp",
    "Google Cloud",
    "Google Cloud.",
    auth_methods=(
        AuthMethod(
            SERVICE_ACCOUNT,
            "Service account",
            "A key of a service account; its rights are the most that is issued.",
            (_KEY, *_COMMON),
        ),
        AuthMethod(
            IMPERSONATION,
            "Impersonation",
            "A service account that the key's may create tokens of.",
            (
                _KEY,
                Property(
                    "service_account",
                    "The service account whose tokens are issued.",
                    required=True,
                    pattern=_EMAIL,
                ),
                *_COMMON,
            ),
        ),
        AuthMethod(
            EXTERNAL,
            "Workload identity",
            "A workload identity pool that trusts an OpenID issuer, by default the workspace's.",
            (
                Property(
                    "audience",
                    "The provider: //iam.googleapis.com/projects/1/locations/global/"
                    "workloadIdentityPools/pool/providers/provider.",
                    required=True,
                    pattern=r"//iam\.googleapis\.com/[A-Za-z0-9/._-]+",
                ),
                Property(
                    "subject_token",
                    "A token of the issuer; by default what the operator mounted for the server.",
                    secret=True,
                    max_length=20_000,
                ),
                Property(
                    "service_account",
                    "The service account that the pool may create tokens of, if it needs one.",
                    pattern=_EMAIL,
                ),
                *_COMMON,
            ),
        ),
    ),
    resource_types=(
        ResourceType(
            BUCKET,
            "Storage bucket",
            "A token that opens one bucket, or one prefix of it.",
            "bucket/prefix",
            r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9](/(?!\.\.?(/|$))[A-Za-z0-9_!.()@=+,-]+)*",
        ),
        ResourceType(
            REPOSITORY,
            "Artifact Registry",
            "A login with a token that may pull, or also push, wherever the account may.",
            "europe-west1-docker.pkg.dev/project/repository",
            r"([a-z0-9-]+-docker\.pkg\.dev|([a-z]+\.)?gcr\.io)(/[a-z0-9][a-z0-9._:-]*)+",
        ),
        ResourceType(
            CLUSTER,
            "GKE cluster",
            "A token of the cluster; its RBAC and IAM say what the account may do.",
            "europe-west1/cluster",
            r"[a-z0-9-]{2,40}/[a-z][a-z0-9-]{0,62}",
        ),
        ResourceType(
            GENERIC,
            "Anything of Google Cloud",
            "A token with all rights of the service account; READ with the read-only scope.",
        ),
    ),
    connect=GcpConnector,
)

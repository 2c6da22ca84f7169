"""One example of each resource of the contract: the only thing that this suite is told by hand."""

from dataclasses import dataclass, field
from typing import Any

CONFIG = {"region": "eu-central-1", "access_key_id": "AKIAIOSFODNN7EXAMPLE"}
SPEC = {"steps": [{"id": "fit", "entrypoint": "train:fit"}]}
CODE = {
    "uri": "file:///code.tar.gz",
    "sha256": "a" * 64,
    "size_bytes": 1,
    "entrypoint": "train:train",
}


@dataclass(frozen=True)
class Example:
    """What to create, and what of it to change to what.

    `parent` is a type of which the servers have one, or a resource of this table that is created
    for it. `{unique}` in a text becomes one that no other has. `needs` are fields that name
    resources of this table, which are created for it. `lacks` says which cases do not hold, and
    why.
    """

    body: dict[str, Any] = field(default_factory=dict)
    parent: str = ""
    changed: tuple[str, Any] = ("display_name", "Another")
    needs: dict[str, str] = field(default_factory=dict)
    lacks: dict[str, str] = field(default_factory=dict)


_ORGANIZATION = "weft.dev/Organization"
_PROJECT = "weft.dev/Project"

EXAMPLES: dict[str, Example] = {
    # Control plane.
    "controlplane.Role": Example({"permissions": ["runs.get"]}, _ORGANIZATION),
    "controlplane.Team": Example({"display_name": "Vision"}, _ORGANIZATION),
    "controlplane.ServiceAccount": Example({"display_name": "Robot"}, _ORGANIZATION),
    "controlplane.Organization": Example(
        {"display_name": "Acme"},
        lacks=dict.fromkeys(
            ("missing", "delete"),
            "rights are held on an organization: none are where there is none",
        ),
    ),
    "controlplane.IdentityProvider": Example(
        {
            "kind": "IDENTITY_PROVIDER_KIND_OIDC",
            "issuer": "https://{unique}.example",
            "client_id": "weft",
            "client_secret": "of the client",
        },
        _ORGANIZATION,
    ),
    "controlplane.FederatedCredential": Example(
        {"issuer": "https://ci.example", "audience": "weft", "subject": "repo:{unique}"},
        "controlplane.ServiceAccount",
    ),
    "controlplane.ApiKey": Example({"display_name": "laptop"}, "controlplane.ServiceAccount"),
    "controlplane.PersonalAccessToken": Example({"display_name": "laptop"}, "weft.dev/User"),
    "controlplane.Invitation": Example({"email": "{unique}@example.com"}, _ORGANIZATION),
    # Workspace.
    "workspace.Project": Example({"display_name": "Vision"}),
    "workspace.Flavor": Example({"type": "annotator", "config_schema": {"type": "object"}}),
    "workspace.Component": Example({"flavor": "flavors/local-orchestrator"}),
    "workspace.Stack": Example({"display_name": "Production"}),
    "workspace.Secret": Example({"values": {"key": "value"}}),
    "workspace.ServiceConnector": Example(
        {
            "type": "connectorTypes/aws",
            "auth_method": "access-key",
            "config": CONFIG,
            "secret_config": {"secret_access_key": "wJalrXUtnFEMI"},
        }
    ),
    "workspace.Alerter": Example(
        {
            "kind": "ALERTER_KIND_WEBHOOK",
            "url": "https://hooks.example.com/{unique}",
            "types": ["run.failed"],
        },
        _PROJECT,
    ),
    "workspace.Model": Example({"display_name": "Fraud"}, _PROJECT),
    "workspace.ModelVersion": Example(
        {"description": "First"}, "workspace.Model", ("description", "Another")
    ),
    "workspace.Snapshot": Example(
        {"pipeline": "projects/demo/pipelines/train", "spec": SPEC, "code": CODE}, _PROJECT
    ),
    "workspace.Schedule": Example(
        {"cron": "0 7 * * 1-5"}, _PROJECT, needs={"snapshot": "workspace.Snapshot"}
    ),
    "workspace.Trigger": Example(
        {"occurrence": {"artifact": {"artifact": "projects/demo/artifacts/crud"}}},
        _PROJECT,
        needs={"snapshot": "workspace.Snapshot"},
    ),
    "workspace.ArtifactVersion": Example(
        {
            "uri": "s3://elsewhere/{unique}",
            "type": "ARTIFACT_TYPE_DATA",
            "data_type": "builtins.int",
            "materializer": "json",
            "content_hash": "a" * 64,
        },
        "projects/demo/artifacts/crud",
        ("description", "Another"),
        lacks={"parent": "an artifact comes into being with its first version"},
    ),
    "workspace.Run": Example(
        {"pipeline": "projects/demo/pipelines/train"},
        _PROJECT,
        lacks={"delete": "only runs that have ended are deleted: tests/workspace/test_runs.py"},
    ),
    "workspace.CodeRepository": Example(
        {"kind": "CODE_REPOSITORY_KIND_GIT", "url": "https://git.example/team/models.git"}, _PROJECT
    ),
    "workspace.Build": Example(
        {
            "pipeline": "projects/demo/pipelines/train",
            "image": {"uri": "registry.example/train", "digest": f"sha256:{'a' * 64}"},
            "checksum": "b" * 64,
        },
        _PROJECT,
    ),
    "workspace.SavedView": Example({"collection": "runs", "filter": "state = FAILED"}, _PROJECT),
    "workspace.Webhook": Example({"kind": "WEBHOOK_KIND_GITHUB"}, _PROJECT),
    "workspace.LogStream": Example(
        {"run": "projects/demo/runs/first"},
        _PROJECT,
        lacks={"duplicate": "a log that is there is opened again, whoever asks twice"},
    ),
}

# Resources whose lives are not of this plain kind, and the tests that live them.
ELSEWHERE: dict[str, str] = {
    "controlplane.User": "an account is its person's: tests/controlplane/test_users.py",
    "controlplane.RoleBinding": "one of each: tests/controlplane/test_access.py",
    "workspace.RunCondition": "made by runs: tests/workspace/test_conditions.py",
    "controlplane.Enrollment": "used once: tests/controlplane/test_enrollment.py",
}

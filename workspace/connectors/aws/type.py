"""What people read and fill in of AWS."""

from workspace.connectors.aws.connector import (
    ACCESS_KEY,
    ASSUME_ROLE,
    ECR,
    EKS,
    GENERIC,
    S3,
    WEB_IDENTITY,
    AwsConnector,
    repository_name,
)
from workspace.connectors.model import AuthMethod, ConnectorType, Property, ResourceType

_REGION = Property(
    "region",
    "The region of the resources: eu-central-1.",
    required=True,
    pattern=r"[a-z]{2}(-[a-z]+)+-[0-9]{1,2}",
)
_ENDPOINT = Property(
    "endpoint_url",
    "Where all services are, in place of AWS's own addresses.",
    steers=True,
    pattern="https?://[^/?#@]+/?",
)
_ROLE = Property(
    "role_arn",
    "The role to take: arn:aws:iam::123456789012:role/training.",
    required=True,
    pattern=r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]{1,512}",
)
_SESSION_NAME = Property(
    "session_name",
    "The name of sessions in CloudTrail; weft by default.",
    pattern=r"[\w+=,.@-]{2,64}",
)
_KEY_ID = Property(
    "access_key_id", "The id of the user's access key.", required=True, pattern=r"\w{16,128}"
)
_KEY = Property(
    "secret_access_key", "The user's access key.", required=True, secret=True, max_length=256
)

TYPE = ConnectorType(
    "aws",
    "AWS",
    "Amazon Web Services, and what speaks their protocols.",
    auth_methods=(
        AuthMethod(
            ACCESS_KEY,
            "Access key",
            "A user's access key. Sessions come from GetFederationToken, which it must be allowed.",
            (_KEY_ID, _KEY, _REGION, _ENDPOINT),
        ),
        AuthMethod(
            ASSUME_ROLE,
            "Assume role",
            "A role that a user's access key may take; its rights are the most that is issued.",
            (
                _KEY_ID,
                _KEY,
                _ROLE,
                Property("external_id", "What the role's trust policy asks for.", max_length=1224),
                _SESSION_NAME,
                _REGION,
                _ENDPOINT,
            ),
        ),
        AuthMethod(
            WEB_IDENTITY,
            "Web identity",
            "A role that trusts an OpenID issuer; by default the one of the workspace itself.",
            (
                _ROLE,
                Property(
                    "web_identity_token",
                    "A token of the issuer; by default what the operator mounted for the server.",
                    secret=True,
                    max_length=20_000,
                ),
                _SESSION_NAME,
                _REGION,
                _ENDPOINT,
            ),
        ),
    ),
    resource_types=(
        ResourceType(
            S3,
            "S3 bucket",
            "Keys of a session that opens one bucket, or one prefix of it.",
            "bucket/prefix",
            r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/(?!\.\.?(/|$))[\w!.'()@=+,-]+)*",
        ),
        ResourceType(
            ECR,
            "ECR repository",
            "A login for one repository. ECR makes it good for twelve hours.",
            "repository",
            r"([0-9]{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/)?[a-z0-9][a-z0-9._/-]{1,255}",
            canonical=repository_name,
        ),
        ResourceType(
            EKS,
            "EKS cluster",
            "A token of the cluster, for fourteen minutes; its RBAC says what the role may do.",
            "cluster",
            r"[0-9A-Za-z][A-Za-z0-9_-]{0,99}",
        ),
        ResourceType(
            GENERIC,
            "Anything of AWS",
            "Keys of a session with all rights of the user or role; READ takes those to write.",
        ),
    ),
    connect=AwsConnector,
)

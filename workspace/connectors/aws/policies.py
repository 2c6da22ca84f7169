"""Session policies: what a session of AWS may do with the one resource that it is for.

A session has the rights that its role or user has and its policy grants, so a policy can only
take away; that is why it may name any account.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from workspace.connectors.model import Access

NOTHING = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}
)
_READ_OBJECTS = ("s3:GetObject",)
_WRITE_OBJECTS = (
    *_READ_OBJECTS,
    "s3:PutObject",
    "s3:DeleteObject",
    "s3:AbortMultipartUpload",
    "s3:ListMultipartUploadParts",
)
_PULL = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:DescribeImages",
    "ecr:DescribeRepositories",
    "ecr:GetDownloadUrlForLayer",
    "ecr:ListImages",
)
_PUSH = (
    *_PULL,
    "ecr:CompleteLayerUpload",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
)


def listing(action: str) -> str:
    """To list resources, and nothing else."""
    return _policy(_allow([action], ["*"]))


def bucket(partition: str, resource_id: str, access: Access) -> str:
    """One bucket, or what lies below a prefix of it."""
    name, _, prefix = resource_id.partition("/")
    arn = f"arn:{partition}:s3:::{name}"
    objects = f"{arn}/{prefix}/*" if prefix else f"{arn}/*"
    listed = _allow(["s3:ListBucket"], [arn])
    if prefix:
        listed["Condition"] = {"StringLike": {"s3:prefix": [prefix, f"{prefix}/*"]}}
    actions = _WRITE_OBJECTS if access is Access.WRITE else _READ_OBJECTS
    return _policy(_allow(["s3:GetBucketLocation"], [arn]), listed, _allow(actions, [objects]))


def repository(partition: str, region: str, name: str, access: Access) -> str:
    """One repository of ECR, and signing in to the registry, which has no narrower form."""
    arn = f"arn:{partition}:ecr:{region}:*:repository/{name}"
    actions = _PUSH if access is Access.WRITE else _PULL
    return _policy(_allow(["ecr:GetAuthorizationToken"], ["*"]), _allow(actions, [arn]))


def cluster(partition: str, region: str, name: str) -> str:
    """One cluster of EKS: to find it; what its tokens may do is the cluster's own matter."""
    arn = f"arn:{partition}:eks:{region}:*:cluster/{name}"
    return _policy(_allow(["eks:DescribeCluster"], [arn]))


def _allow(actions: Sequence[str], resources: Sequence[str]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": list(resources)}


def _policy(*statements: Mapping[str, Any]) -> str:
    # Compact: AWS takes 2,048 characters at most.
    document = {"Version": "2012-10-17", "Statement": statements}
    return json.dumps(document, separators=(",", ":"))

"""Speaks with STS, S3, ECR and EKS as one connector."""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from urllib.parse import quote

from workspace.connectors.aws import policies
from workspace.connectors.aws.answers import require_ok
from workspace.connectors.aws.signing import Keys, Signer
from workspace.connectors.failures import rejected, unavailable, unknown_resource
from workspace.connectors.model import (
    Access,
    AwsKeys,
    ClusterToken,
    Issued,
    RegistryLogin,
    Resource,
    Setup,
    Wanted,
)
from workspace.connectors.wire import Answer

S3, ECR, EKS, GENERIC = "s3-bucket", "docker-registry", "kubernetes-cluster", "aws-generic"
ACCESS_KEY, ASSUME_ROLE, WEB_IDENTITY = "access-key", "assume-role", "web-identity"

# No session of AWS is shorter.
_SHORTEST = timedelta(minutes=15)
# EKS takes a token for fifteen minutes; clocks differ.
_CLUSTER_TOKEN = timedelta(minutes=14)
_READ_ONLY = "policy/ReadOnlyAccess"
_MOST_PAGES = 20
_STS_VERSION = "2011-06-15"


def repository_name(resource_id: str) -> str:
    """The name of a repository without the registry's host, which may stand before it."""
    host, slash, rest = resource_id.partition("/")
    return rest if slash and ".dkr.ecr." in host else resource_id


class AwsConnector:
    """As `workspace.connectors.model.Connector`."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._region = setup.get("region")

    async def identify(self) -> str:
        keys = await self._keys(policies.NOTHING)
        answer = await self._sts(keys, {"Action": "GetCallerIdentity"})
        return _text(answer, "Arn")

    async def resources(self, resource_type: str) -> Sequence[Resource]:
        if resource_type == S3:
            return await self._buckets(await self._keys(policies.listing("s3:ListAllMyBuckets")))
        if resource_type == ECR:
            return await self._repositories(
                await self._keys(policies.listing("ecr:DescribeRepositories"))
            )
        if resource_type == EKS:
            return await self._clusters(await self._keys(policies.listing("eks:ListClusters")))
        return []

    async def issue(self, wanted: Wanted) -> Issued:
        if wanted.resource_type == S3:
            policy = policies.bucket(self._partition, wanted.resource_id, wanted.access)
            session = await self._session(policy, wanted.ttl)
            return session.as_keys(wanted.resource_id, self._region, self._setup)
        if wanted.resource_type == ECR:
            return await self._registry(wanted)
        if wanted.resource_type == EKS:
            return await self._cluster(wanted)
        session = await self._session(
            "", wanted.ttl, is_read_only=wanted.access is not Access.WRITE
        )
        return session.as_keys(wanted.resource_id, self._region, self._setup)

    async def _registry(self, wanted: Wanted) -> Issued:
        name = wanted.resource_id
        policy = policies.repository(self._partition, self._region, name, wanted.access)
        session = await self._session(policy, wanted.ttl)
        found = await self._repositories(session.keys, name)
        answer = await self._ecr(session.keys, "GetAuthorizationToken", {})
        try:
            (data,) = answer.json()["authorizationData"]
            token = base64.b64decode(data["authorizationToken"]).decode()
            expires = datetime.fromtimestamp(data["expiresAt"], UTC)
        except (KeyError, TypeError, ValueError, binascii.Error) as error:
            raise unavailable(answer.service, "answered without a token") from error
        username, _, password = token.partition(":")
        if not found:
            raise unknown_resource(answer.service, name)
        repository = found[0].id
        login = RegistryLogin(repository.partition("/")[0], username, password)
        return Issued(login, repository, expires)

    async def _cluster(self, wanted: Wanted) -> Issued:
        name = wanted.resource_id
        session = await self._session(
            policies.cluster(self._partition, self._region, name), wanted.ttl
        )
        answer = await self._eks(session.keys, f"/clusters/{quote(name, safe='')}")
        cluster = answer.json()
        encoded = answer.text(cluster, "cluster", "certificateAuthority", "data")
        now = self._setup.clock.now()
        url = Signer(session.keys, self._region, "sts").presigned(
            f"{self._endpoint('sts')}/?Action=GetCallerIdentity&Version={_STS_VERSION}",
            {"x-k8s-aws-id": name},
            now,
            seconds=60,
        )
        token = base64.urlsafe_b64encode(url.encode()).rstrip(b"=").decode()
        return Issued(
            ClusterToken(
                server=answer.text(cluster, "cluster", "endpoint"),
                token=f"k8s-aws-v1.{token}",
                certificate_authority=_decoded(answer, encoded),
            ),
            name,
            min(now + _CLUSTER_TOKEN, session.expire_time),
        )

    async def _buckets(self, keys: Keys) -> list[Resource]:
        answer = await self._signed(keys, "s3", "GET", "/")
        found = answer.xml().iterfind("./Buckets/Bucket")
        return [
            Resource(bucket.findtext("Name", ""), bucket.findtext("BucketRegion", self._region))
            for bucket in found
        ]

    async def _repositories(self, keys: Keys, name: str = "") -> list[Resource]:
        asked: dict[str, object] = {"repositoryNames": [name]} if name else {"maxResults": 1000}
        found: list[Resource] = []
        for _ in range(_MOST_PAGES):
            answer = await self._ecr(keys, "DescribeRepositories", asked, about=name)
            document = answer.json()
            found += [
                Resource(answer.text(repository, "repositoryUri"), self._region)
                for repository in document.get("repositories", [])
            ]
            if not document.get("nextToken"):
                break
            asked["nextToken"] = document["nextToken"]
        return found

    async def _clusters(self, keys: Keys) -> list[Resource]:
        found: list[Resource] = []
        path = "/clusters?maxResults=100"
        for _ in range(_MOST_PAGES):
            document = (await self._eks(keys, path)).json()
            found += [Resource(str(name), self._region) for name in document.get("clusters", [])]
            if not document.get("nextToken"):
                break
            path = f"/clusters?maxResults=100&nextToken={quote(document['nextToken'], safe='')}"
        return found

    # Signing in.

    async def _keys(self, policy: str) -> Keys:
        """Keys to ask something with: a user's own, or a role's for what the policy allows."""
        if self._setup.auth_method == ACCESS_KEY:
            return self._own
        return (await self._session(policy, _SHORTEST)).keys

    @cached_property
    def _own(self) -> Keys:
        return Keys(self._setup.get("access_key_id"), self._setup.get("secret_access_key"))

    async def _session(
        self, policy: str, ttl: timedelta, *, is_read_only: bool = False
    ) -> "_Session":
        asked = {"DurationSeconds": str(int(max(ttl, _SHORTEST).total_seconds()))}
        if policy:
            asked["Policy"] = policy
        if is_read_only:
            asked["PolicyArns.member.1.arn"] = f"arn:{self._partition}:iam::aws:{_READ_ONLY}"
        if self._setup.auth_method == ACCESS_KEY:
            is_narrow = bool(policy or is_read_only)
            own = {"Action": "GetFederationToken", "Name": "weft"}
            answer = await self._sts(
                self._own, (own if is_narrow else {"Action": "GetSessionToken"}) | asked
            )
        else:
            answer = await self._assume(asked)
        return _Session.of(answer)

    async def _assume(self, asked: dict[str, str]) -> Answer:
        setup = self._setup
        asked["RoleArn"] = setup.get("role_arn")
        asked["RoleSessionName"] = setup.get("session_name", "weft")
        if setup.auth_method == WEB_IDENTITY:
            token = setup.get("web_identity_token") or setup.identity("aws")
            if not token:
                raise rejected("AWS", "there is no web identity token")
            asked["WebIdentityToken"] = token
            return await self._sts(None, {"Action": "AssumeRoleWithWebIdentity"} | asked)
        if external_id := setup.get("external_id"):
            asked["ExternalId"] = external_id
        return await self._sts(self._own, {"Action": "AssumeRole"} | asked)

    # Speaking.

    async def _sts(self, keys: Keys | None, fields: Mapping[str, str]) -> Answer:
        body = "&".join(
            f"{name}={quote(value, safe='')}"
            for name, value in ({"Version": _STS_VERSION} | dict(fields)).items()
        ).encode()
        headers = {"content-type": "application/x-www-form-urlencoded"}
        return await self._signed(keys, "sts", "POST", "/", headers=headers, body=body)

    async def _ecr(
        self, keys: Keys, action: str, document: Mapping[str, object], *, about: str = ""
    ) -> Answer:
        headers = {
            "content-type": "application/x-amz-json-1.1",
            "x-amz-target": f"AmazonEC2ContainerRegistry_V20150921.{action}",
        }
        body = json.dumps(document).encode()
        return await self._signed(keys, "ecr", "POST", "/", headers=headers, body=body, about=about)

    async def _eks(self, keys: Keys, path: str) -> Answer:
        return await self._signed(keys, "eks", "GET", path, about=path.partition("?")[0])

    async def _signed(
        self,
        keys: Keys | None,
        service: str,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        about: str = "",
    ) -> Answer:
        url = f"{self._endpoint(service)}{path}"
        sent = dict(headers or {})
        if keys:
            signer = Signer(keys, self._region, service)
            now = self._setup.clock.now()
            sent = signer.headers(method, url, headers=sent, body=body, now=now)
        answer = await self._setup.wire.send(
            f"AWS {service.upper()}", method, url, headers=sent, content=body or None
        )
        require_ok(answer, about)
        return answer

    def _endpoint(self, service: str) -> str:
        if chosen := self._setup.get("endpoint_url"):
            return chosen.rstrip("/")
        domain = "amazonaws.com.cn" if self._region.startswith("cn-") else "amazonaws.com"
        prefix = {"ecr": "api.ecr"}.get(service, service)
        return f"https://{prefix}.{self._region}.{domain}"

    @property
    def _partition(self) -> str:
        if self._region.startswith("cn-"):
            return "aws-cn"
        return "aws-us-gov" if self._region.startswith("us-gov-") else "aws"


@dataclass(frozen=True, slots=True)
class _Session:
    """Keys of a session, and its end."""

    keys: Keys
    expire_time: datetime

    @classmethod
    def of(cls, answer: Answer) -> "_Session":
        keys = Keys(
            _text(answer, "AccessKeyId"),
            _text(answer, "SecretAccessKey"),
            _text(answer, "SessionToken"),
        )
        try:
            end = datetime.fromisoformat(_text(answer, "Expiration"))
        except ValueError as error:
            raise unavailable(answer.service, "answered without an end of the session") from error
        return cls(keys, end if end.tzinfo else end.replace(tzinfo=UTC))

    def as_keys(self, resource_id: str, region: str, setup: Setup) -> Issued:
        keys = self.keys
        issued = AwsKeys(
            keys.access_key_id,
            keys.secret_access_key,
            keys.session_token,
            region,
            setup.get("endpoint_url"),
        )
        return Issued(issued, resource_id, self.expire_time)


def _text(answer: Answer, name: str) -> str:
    found = next((e.text for e in answer.xml().iter(name)), None)
    if not found:
        raise unavailable(answer.service, f"answered without {name}")
    return found


def _decoded(answer: Answer, encoded: str) -> str:
    try:
        return base64.b64decode(encoded, validate=True).decode("ascii")
    except ValueError as error:
        raise unavailable(answer.service, "answered with a CA that is none") from error

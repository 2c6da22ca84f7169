"""AWS as moto serves it: with its signatures checked and its policies obeyed.

Not AWS: sessions keep all the rights of their role, whatever their session policy says, and the
keys of a federated user open nothing but STS.
"""

import asyncio
import base64
import json
import re
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlencode

import aiohttp
from aiohttp import web

from tests.clouds import emulators
from workspace.connectors.aws.signing import Keys, Signer

REGION = "eu-central-1"
ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/training"
_EVERYBODY = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
_ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}
_ECR = {
    "content-type": "application/x-amz-json-1.1",
    "x-amz-target": "AmazonEC2ContainerRegistry_V20150921.CreateRepository",
}
_KEY = re.compile(r"<AccessKeyId>(\w+)</.*<SecretAccessKey>([^<]+)</", re.DOTALL)


def _policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@dataclass
class AwsCloud:
    """A user, a role, two buckets, a repository and a cluster, behind one address."""

    url: str
    keys: Keys = field(default_factory=lambda: Keys("first", "first"))

    def fill(self) -> None:
        """Makes everything while nobody is checked, then has everybody checked."""
        self.iam(Action="CreateUser", UserName="weft")
        self.let_user_do_everything()
        found = _KEY.search(self.iam(Action="CreateAccessKey", UserName="weft"))
        assert found
        self.iam(
            Action="CreateRole", RoleName="training", AssumeRolePolicyDocument=_policy(_EVERYBODY)
        )
        named = {"RoleName": "training", "PolicyName": "all"}
        self.iam(Action="PutRolePolicy", PolicyDocument=_policy(_ALL), **named)
        location = f"<CreateBucketConfiguration><LocationConstraint>{REGION}</LocationConstraint>"
        for bucket in ("models", "datasets"):
            self._call("s3", "PUT", f"/{bucket}", f"{location}</CreateBucketConfiguration>")
        named = {"repositoryName": "team/train"}
        self._call("ecr", "POST", "/", json.dumps(named), _ECR)
        subnets = {"subnetIds": ["subnet-1", "subnet-2"]}
        cluster = {"name": "gpus", "roleArn": ROLE, "resourcesVpcConfig": subnets}
        self._call("eks", "POST", "/clusters", json.dumps(cluster))
        self.keys = Keys(found[1], found[2])
        self.check_everybody(True)

    def let_user_do_everything(self) -> None:
        named = {"UserName": "weft", "PolicyName": "all"}
        self.iam(Action="PutUserPolicy", PolicyDocument=_policy(_ALL), **named)

    def let_user_do_nothing(self) -> None:
        self.iam(Action="DeleteUserPolicy", UserName="weft", PolicyName="all")

    def iam(self, **fields: str) -> str:
        form = {"content-type": "application/x-www-form-urlencoded"}
        body = urlencode({"Version": "2010-05-08", **fields})
        return self._call("iam", "POST", "/", body, form)

    def check_everybody(self, check: bool) -> None:  # noqa: FBT001 - it reads as a sentence
        """Whether signatures and policies count; moto cannot check who has a web identity."""
        after = b"0" if check else b"inf"
        headers = {"content-type": "text/plain"}
        _send(urllib.request.Request(f"{self.url}/moto-api/reset-auth", after, headers))

    def _call(
        self,
        service: str,
        method: str,
        path: str,
        body: str,
        headers: dict[str, str] | None = None,
    ) -> str:
        headers = headers or {"content-type": "application/json"}
        url, content = f"{self.url}{path}", body.encode()
        signed = Signer(self.keys, REGION, service).headers(
            method, url, headers=headers, body=content, now=datetime.now(UTC)
        )
        return _send(urllib.request.Request(url, content, signed, method=method))


def _send(request: urllib.request.Request) -> str:
    with urllib.request.urlopen(request, timeout=20) as answer:
        text: str = answer.read().decode()
        return text


@contextmanager
def aws_cloud() -> Iterator[AwsCloud]:
    """Serves it on a loopback port until the block ends."""
    with emulators.aws() as url:
        cloud = AwsCloud(url)
        cloud.fill()
        yield cloud


# Headers of moto's answers that clients look at.
_KEPT = ("content-type", "etag", "last-modified")
CLUSTER_CA = "-----BEGIN CERTIFICATE-----\nof the cluster\n-----END CERTIFICATE-----\n"


@dataclass
class AwsFront:
    """What stands before moto: it hears what is asked, puts right what moto makes up, or is down.

    Moto's clusters have a CA of random bytes, and its registry passwords ended in 2015.
    """

    cloud: AwsCloud
    url: str = ""
    is_down: bool = False
    hangs: bool = False
    asked: list[str] = field(default_factory=list)
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    sessions: list[dict[str, str]] = field(default_factory=list)
    _woken: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def policies(self) -> list[Any]:
        """The session policies that were asked for, the newest last."""
        return [json.loads(asked["Policy"]) for asked in self.sessions if "Policy" in asked]

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        self._note(request, body)
        self.heard.set()
        if self.hangs:
            await self._woken.wait()
        if self.is_down:
            return web.Response(status=503)
        url = f"{self.cloud.url}{request.raw_path}"
        async with (
            aiohttp.ClientSession() as session,
            session.request(request.method, url, data=body, headers=request.headers) as answer,
        ):
            content = self._put_right(request, await answer.read())
            kept = {name: answer.headers[name] for name in _KEPT if name in answer.headers}
            return web.Response(status=answer.status, body=content, headers=kept)

    def wake(self) -> None:
        """Lets go of those who hang."""
        self.hangs = False
        self._woken.set()

    def _note(self, request: web.Request, body: bytes) -> None:
        fields = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        action = fields.get("Action") or request.headers.get("x-amz-target", request.path)
        self.asked.append(action.rpartition(".")[2])
        if "DurationSeconds" in fields:
            self.sessions.append(fields)

    def _put_right(self, request: web.Request, content: bytes) -> bytes:
        is_token = request.headers.get("x-amz-target", "").endswith("GetAuthorizationToken")
        if not is_token and not request.path.startswith("/clusters/"):
            return content
        document = json.loads(content)
        for token in document.get("authorizationData", []):
            token["expiresAt"] = time.time() + 12 * 3600
        if "cluster" in document:
            encoded = base64.b64encode(CLUSTER_CA.encode()).decode()
            document["cluster"]["certificateAuthority"] = {"data": encoded}
        return json.dumps(document).encode()


@asynccontextmanager
async def aws_front(cloud: AwsCloud) -> AsyncIterator[AwsFront]:
    """Serves it on a loopback port until the block ends."""
    front = AwsFront(cloud)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", front.handle)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    front.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[union-attr]
    try:
        yield front
    finally:
        front.wake()
        await runner.cleanup()

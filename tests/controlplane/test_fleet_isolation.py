"""Two workspaces under one control plane: each for itself."""

import asyncio
from pathlib import Path
from typing import Any

import grpc

from tests.controlplane.fleet import STATE, W1, W2, create, delete, end_of, fleet, get
from tests.controlplane.harness import Client, Plane, bind, refused
from weftapi.controlplane.v1 import auth_pb2
from weftapi.workspace.v1 import projects_pb2, projects_pb2_grpc


class Visitor:
    """A person at one workspace, with a token for one workspace."""

    def __init__(self, plane: Plane, endpoint: str, token: str) -> None:
        trust = grpc.ssl_channel_credentials(plane.trust)
        options = [("grpc.use_local_subchannel_pool", 1)]
        self.channel = grpc.aio.secure_channel(endpoint, trust, options)
        self._stub = projects_pb2_grpc.ProjectServiceStub(self.channel)
        self._metadata = (("authorization", f"Bearer {token}"),)

    def create(self, project: str) -> Any:
        request = projects_pb2.CreateProjectRequest(project_id=project)
        return self._stub.CreateProject(request, metadata=self._metadata)

    async def projects(self) -> list[str]:
        request = projects_pb2.ListProjectsRequest()
        answer = await self._stub.ListProjects(request, metadata=self._metadata)
        return [project.name for project in answer.projects]


async def minted(client: Client, workspace: str) -> str:
    request = auth_pb2.MintWorkspaceTokenRequest(workspace=workspace)
    return (await client.auth.MintWorkspaceToken(request)).access_token


async def heard(visitor: Visitor) -> None:
    """Waits until the workspace has heard of keys and of who may."""
    async with asyncio.timeout(60):
        while await refusal(visitor.projects()):  # noqa: ASYNC110 - as a client would
            await asyncio.sleep(0.05)


async def refusal(call: Any) -> str:
    """The code with which a call is refused; empty where it is answered."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return error.code().name
    return ""


async def test_two_workspaces_share_nothing(tmp_path: Path, database_url: str) -> None:
    async with fleet(tmp_path, database_url) as plane:
        admin = await plane.set_up()
        begun = [await create(admin, id_) for id_ in ("w1", "w2")]
        for operation in begun:
            await end_of(admin, operation.name)
        one, two = await get(admin, W1), await get(admin, W2)
        assert {one.state, two.state} == {STATE.WORKSPACE_STATE_ACTIVE}
        assert one.endpoint != two.endpoint

        ed = await plane.new_user(admin, "ed@example.com", role="editor", resource=W1)
        token = await minted(ed, W1)
        at_one = Visitor(plane, one.endpoint, token)
        await heard(at_one)
        await at_one.create("p")
        # The token of one is nothing to the other, whoever it belongs to.
        at_two = Visitor(plane, two.endpoint, token)
        assert (await refused(at_two.create("p")))[0] == "UNAUTHENTICATED"
        master = await minted(admin, W1)
        stranger = Visitor(plane, two.endpoint, master)
        assert (await refused(stranger.create("q")))[0] == "UNAUTHENTICATED"
        # A grant on one is none on the other, and gives no token for it.
        request = auth_pb2.MintWorkspaceTokenRequest(workspace=W2)
        assert (await refused(ed.auth.MintWorkspaceToken(request)))[0] == "PERMISSION_DENIED"
        # What is made in one is not in the other.
        admin_at_two = Visitor(plane, two.endpoint, await minted(admin, W2))
        await heard(admin_at_two)
        assert await admin_at_two.projects() == []
        # Also not for somebody who may see both, each in its own way.
        await bind(admin, ed.subject, "viewer", W2)
        viewing = Visitor(plane, two.endpoint, await minted(ed, W2))
        await heard(viewing)
        assert (await refused(viewing.create("p")))[0] == "PERMISSION_DENIED"
        for visitor in (at_one, at_two, stranger, admin_at_two, viewing):
            await visitor.channel.close()
        for name in (W1, W2):
            await removed(admin, name)


async def removed(admin: Client, name: str) -> None:
    await end_of(admin, (await delete(admin, name, remove_data=True)).name)

"""Who may call, by what the control plane says and said."""

from pathlib import Path
from uuid import UUID

import pytest

from meshkit.access import Access, MethodPolicy
from meshkit.caller import Caller, CallerKind
from meshkit.errors import PermissionDenied
from meshkit.server import Ports
from meshkit.spiffe import Role, SpiffeId
from tests.workloads.mesh import identity
from weftapi.controlplane.v1 import enrollment_pb2
from workloads.access import AllowedWorkspaces
from workloads.config import WorkloadsSettings
from workloads.server import _Member

PEERS = MethodPolicy("/s/M", "s.M", Access.PEER, peers=frozenset({Role.WORKSPACE}))
REFLECTION = MethodPolicy("/s/R", "s.R", Access.AUTHENTICATED)


def directory(*peers: SpiffeId) -> enrollment_pb2.Directory:
    found = [enrollment_pb2.DirectoryPeer(spiffe_id=str(peer)) for peer in peers]
    return enrollment_pb2.Directory(peers=found)


async def is_allowed(allowed: AllowedWorkspaces, peer: SpiffeId, policy=PEERS) -> bool:
    caller = Caller(CallerKind.PEER, subject=str(peer), peer=peer)
    try:
        await allowed.authorize(caller, policy, "", None)
    except PermissionDenied:
        return False
    return True


async def test_the_control_plane_names_workspaces_and_strikes_them_off(tmp_path: Path):
    one, two, gateway = (
        identity(Role.WORKSPACE),
        identity(Role.WORKSPACE),
        identity(Role.GATEWAY),
    )
    allowed = AllowedWorkspaces(tmp_path, ())
    assert not await is_allowed(allowed, one)
    allowed.replace(directory(one, gateway))
    assert await is_allowed(allowed, one)
    assert not await is_allowed(allowed, gateway)
    assert await is_allowed(allowed, two, REFLECTION)
    revision = allowed.revision
    allowed.replace(directory(gateway, one))
    assert allowed.revision == revision
    allowed.replace(directory(two))
    assert allowed.revision > revision
    assert [await is_allowed(allowed, peer) for peer in (one, two)] == [False, True]


async def test_what_was_said_last_holds_after_a_restart(tmp_path: Path):
    one, always = identity(Role.WORKSPACE), identity(Role.WORKSPACE)
    AllowedWorkspaces(tmp_path, ()).replace(directory(one))
    allowed = AllowedWorkspaces(tmp_path, (always.uid,))
    assert await is_allowed(allowed, one)
    assert await is_allowed(allowed, always)


@pytest.mark.parametrize("content", ["", "{", '{"workspaces": ["x"]}', "{}"])
async def test_a_broken_file_lets_nobody_in(tmp_path: Path, content: str):
    (tmp_path / "workspaces.json").write_text(content)
    assert not await is_allowed(AllowedWorkspaces(tmp_path, ()), identity(Role.WORKSPACE))


async def test_the_link_says_where_we_are_and_hears_who_may_call(tmp_path: Path):
    settings = WorkloadsSettings(
        credentials_dir=tmp_path, state_dir=tmp_path, mesh_address="10.0.0.7:0"
    )
    allowed = AllowedWorkspaces(tmp_path, ())
    member = _Member(settings, allowed, Ports(edge=1, mesh=2, health=3, metrics=4))
    assert member.hello().mesh_endpoint == "10.0.0.7:2"
    one = identity(Role.WORKSPACE)
    await member.hear(enrollment_pb2.LinkResponse(directory=directory(one)))
    assert await is_allowed(allowed, one)
    assert isinstance(one.uid, UUID)

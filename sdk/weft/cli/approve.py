"""`weft approve`: lets a device sign in as you."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from weft.cli._output import note, print_fields

if TYPE_CHECKING:
    from weftapi.controlplane.v1 import auth_pb2


@click.command()
@click.argument("code")
@click.option("--deny", is_flag=True, help="Refuse the device instead.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask whether it is the right one.")
def approve(*, code: str, deny: bool, yes: bool) -> None:
    """Let the device that shows CODE sign in as you, after a look at who asks."""
    from weft._connection import Connection
    from weft.cli._text import plain
    from weftapi.controlplane.v1 import auth_pb2, auth_pb2_grpc

    endpoint = Connection.current().control_plane
    stub = endpoint.stub(auth_pb2_grpc.AuthServiceStub)
    request = auth_pb2.GetDeviceAuthorizationRequest(user_code=code)
    device = endpoint.call(stub.GetDeviceAuthorization, request)
    whose = "your own" if device.same_address else "NOT yours"
    print_fields(
        [
            ("device", device.client_name),
            ("address", f"{device.address} ({whose})"),
            ("asked", f"{_age_s(device)} seconds ago"),
        ]
    )
    if deny:
        endpoint.call(stub.DenyDevice, auth_pb2.DenyDeviceRequest(user_code=code))
        note(f"{plain(device.client_name)} is refused")
        return
    if not yes:
        if not device.same_address:
            note(
                "If somebody gave you this code, they want to sign in as you: refuse, with --deny."
            )
        click.confirm("Did you start this sign-in yourself, just now?", abort=True, err=True)
    endpoint.call(stub.ApproveDevice, auth_pb2.ApproveDeviceRequest(user_code=code))
    note(f"{plain(device.client_name)} signs in as you")


def _age_s(device: auth_pb2.DeviceAuthorization) -> int:
    """How long ago it asked, as far as the two clocks agree."""
    return max(0, round(time.time() - device.create_time.seconds))

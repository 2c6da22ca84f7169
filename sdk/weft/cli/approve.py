"""`weft approve`: lets a device sign in as you."""

from __future__ import annotations

import click

from weft.cli._output import note, print_fields


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
    asked = device.create_time.ToDatetime().isoformat(timespec="seconds") + "Z"
    print_fields([("device", device.client_name), ("address", device.address), ("asked", asked)])
    if deny:
        endpoint.call(stub.DenyDevice, auth_pb2.DenyDeviceRequest(user_code=code))
        note(f"{plain(device.client_name)} is refused")
        return
    if not yes:
        click.confirm("Did you start this sign-in yourself, just now?", abort=True, err=True)
    endpoint.call(stub.ApproveDevice, auth_pb2.ApproveDeviceRequest(user_code=code))
    note(f"{plain(device.client_name)} signs in as you")

"""`python -m meshkit.probe`: asks a server of this host for its health, and exits 0 or 1.

    python -m meshkit.probe HOST:PORT [SERVICE]     gRPC health, as the kubelet asks for it
    python -m meshkit.probe http://HOST:PORT/PATH   HTTP

For what runs containers and can only run a command in them.
"""

import sys
import urllib.request
from typing import Any, cast

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

_TIMEOUT_S = 5.0
_OK = 200


def is_healthy(address: str, service: str = "") -> bool:
    """Whether the server says so; one that does not answer is not."""
    if address.startswith("http://"):
        return _is_healthy_http(address)
    with grpc.insecure_channel(address) as channel:
        try:
            request = health_pb2.HealthCheckRequest(service=service)
            answer = _check(channel)(request, timeout=_TIMEOUT_S)
        except grpc.RpcError:
            return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def _check(channel: grpc.Channel) -> Any:
    # The types of the stub know of no methods.
    return cast("Any", health_pb2_grpc.HealthStub(channel)).Check


def _is_healthy_http(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - http alone
            return bool(answer.status == _OK)
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(0 if is_healthy(*sys.argv[1:3]) else 1)

"""SystemService: what runs here."""

from controlplane.ca import CertificateAuthority
from controlplane.version import server_version
from meshkit.authentication import Context
from weftapi.controlplane.v1 import system_pb2, system_pb2_grpc

_MINIMUM_CLIENT = "0.1.0"
_FEATURES = ("device-flow", "local-accounts", "personal-access-tokens")


class SystemServicer(system_pb2_grpc.SystemServiceServicer):
    """Answers what a client must know before it trusts or signs in."""

    def __init__(self, authority: CertificateAuthority, *, gateway_url: str) -> None:
        self._authority = authority
        self._gateway_url = gateway_url
        self._version = server_version()

    async def GetServerInfo(
        self, _request: system_pb2.GetServerInfoRequest, _context: Context
    ) -> system_pb2.ServerInfo:
        return system_pb2.ServerInfo(
            version=self._version,
            minimum_client_version=_MINIMUM_CLIENT,
            features=_FEATURES,
            ca_fingerprint=self._authority.fingerprint,
            trust_bundle_pem=self._authority.trust_bundle.decode(),
            gateway_url=self._gateway_url,
        )

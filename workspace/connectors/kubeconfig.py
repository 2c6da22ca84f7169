"""Kubeconfigs of other people: read for an address and a credential, never obeyed."""

import base64
import ssl
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from meshkit.files import write_private
from workspace.connectors.failures import rejected, unavailable, unsupported

SERVICE = "The cluster"
# What would run programs, read files of this server, or trust anybody.
_OBEYED = frozenset(
    {
        "exec",
        "auth-provider",
        "certificate-authority",
        "client-certificate",
        "client-key",
        "tokenFile",
        "insecure-skip-tls-verify",
        "proxy-url",
    }
)


@dataclass(frozen=True, slots=True)
class Cluster:
    """How to reach a cluster's API, and as whom."""

    server: str
    certificate_authority: str = ""
    token: str = field(default="", repr=False)
    client_certificate: str = ""
    client_key: str = field(default="", repr=False)

    def tls(self) -> ssl.SSLContext | None:
        """For its connections, None where the system's CAs do; blocks for a moment."""
        if not self.certificate_authority and not self.client_certificate:
            return None
        try:
            context = ssl.create_default_context(cadata=self.certificate_authority or None)
            if self.client_certificate:
                self._load_key(context)
        except (ssl.SSLError, ValueError) as error:
            raise rejected(SERVICE, "its certificates cannot be read") from error
        return context

    def _load_key(self, context: ssl.SSLContext) -> None:
        # OpenSSL takes keys from files alone.
        with tempfile.TemporaryDirectory() as directory:
            file = Path(directory) / "client.pem"
            write_private(file, f"{self.client_key}\n{self.client_certificate}\n".encode())
            context.load_cert_chain(file)


def read(text: str, context: str = "") -> Cluster:
    """The cluster of a context, the current one by default; FailedPrecondition."""
    try:
        document = yaml.safe_load(text)
        name = context or document["current-context"]
        chosen = _named(document, "contexts", name)["context"]
        cluster = _named(document, "clusters", chosen["cluster"])["cluster"]
        user = _named(document, "users", chosen["user"])["user"]
        server = cluster["server"]
    except (yaml.YAMLError, KeyError, TypeError, RecursionError) as error:
        raise rejected(SERVICE, "this is no kubeconfig with such a context") from error
    if obeyed := sorted(_OBEYED & {*cluster, *user}):
        raise unsupported(
            SERVICE,
            f"a kubeconfig with {', '.join(obeyed)} is not obeyed here; put the certificates and "
            "a token of a service account into it",
        )
    return Cluster(
        server=str(server),
        certificate_authority=_data(cluster, "certificate-authority-data"),
        token=str(user.get("token", "")),
        client_certificate=_data(user, "client-certificate-data"),
        client_key=_data(user, "client-key-data"),
    )


def read_cluster(text: str) -> Cluster:
    """The cluster alone of a kubeconfig that a cloud made; how to sign in, we know."""
    try:
        cluster = yaml.safe_load(text)["clusters"][0]["cluster"]
        authority = _data(cluster, "certificate-authority-data")
        return Cluster(str(cluster["server"]), authority)
    except (yaml.YAMLError, KeyError, IndexError, TypeError, RecursionError) as error:
        raise unavailable(SERVICE, "is described by what is no kubeconfig") from error


def _named(document: dict[str, Any], collection: str, name: str) -> Any:
    return next(each for each in [*document[collection], {}] if each.get("name", name) == name)


def _data(values: dict[str, Any], name: str) -> str:
    try:
        return base64.b64decode(values.get(name, ""), validate=True).decode("ascii")
    except (TypeError, ValueError) as error:
        raise rejected(SERVICE, f"{name} is not PEM in base64") from error

"""Settings of the gateway."""

import re
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import Field, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from gateway.app import PUBLIC_METADATA, Limits, Policy
from gateway.streams import Timing
from meshkit.config import MemberSettings

# No escape and no dot alone: proxies and browsers must agree on what it is.
_PATH: Final = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*/?")


class GatewaySettings(MemberSettings):
    """What the gateway can be told, beside what every server can.

    It serves HTTPS at `edge_address` with `edge_certificate_file`, or with its mesh certificate;
    `health_address` serves `/healthz` and `/readyz` without TLS. It has no mesh listener.
    """

    model_config = SettingsConfigDict(env_prefix="WEFT_GATEWAY_", extra="ignore", frozen=True)

    credentials_dir: Path = Path("weft-data/gateway/credentials")
    """Directory of the gateway's mesh credentials; filled when it joins."""
    edge_address: str = "127.0.0.1:8780"
    """Where browsers and HTTP clients connect: HTTPS."""
    health_address: str = "127.0.0.1:8782"
    """Where the kubelet asks for health: `/healthz` and `/readyz` over plain HTTP."""
    browser_address: str = ""
    """A loopback address that serves browsers of this machine without TLS; none by default."""
    default_workspace: str = ""
    """Workspace behind `/api/workspace/v1/`; the only one there is serves without it."""
    public_url: str = ""
    """Where people's browsers find the gateway: "https://weft.example.com", or with a path such as
    "https://example.com/weft" behind a proxy; https turns HSTS on."""
    trusted_proxies: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = ()
    """Networks of proxies whose X-Forwarded-* headers are believed, separated by commas."""
    cors_origins: Annotated[frozenset[str], NoDecode] = frozenset()
    """Origins whose pages may call the API, by commas; "*" lets any, without credentials."""
    public_metadata: Annotated[frozenset[str], NoDecode] = PUBLIC_METADATA
    """Metadata of services that clients get to see, as Grpc-Metadata-* headers; by commas."""
    max_body_bytes: int = Field(default=4 << 20, ge=1024)
    """Largest request body."""
    max_url_bytes: int = Field(default=8 << 10, ge=1024, le=32 << 10)
    """Longest path and query together."""
    unary_timeout_s: float = Field(default=30, gt=0)
    """Deadline of unary calls whose client sends no Grpc-Timeout."""
    body_timeout_s: float = Field(default=30, gt=0)
    """How long a request's body may take to arrive."""
    sse_ping_s: float = Field(default=15, gt=0)
    """Silence after which an event stream gets a comment."""

    @field_validator("trusted_proxies", "cors_origins", "public_metadata", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return [part.strip() for part in value.split(",") if part.strip()]
        return value

    @field_validator("public_url")
    @classmethod
    def _is_a_place(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (
            parts.scheme not in ("http", "https")
            or not parts.netloc
            or parts.query
            or parts.fragment
            or not _PATH.fullmatch(parts.path)
        ):
            raise ValueError("must look like https://weft.example.com or https://example.com/weft")
        return value.rstrip("/")

    @field_validator("browser_address")
    @classmethod
    def _is_of_this_machine(cls, value: str) -> str:
        host = value.rpartition(":")[0].strip("[]")
        if value and host not in ("127.0.0.1", "::1", "localhost"):
            raise ValueError("must be a loopback address with a port, such as 127.0.0.1:8781")
        return value

    @property
    def base(self) -> str:
        """The path of the public URL, without a slash at its end."""
        return urlsplit(self.public_url).path

    def limits(self) -> Limits:
        """The limits as the application takes them."""
        return Limits(
            body_bytes=self.max_body_bytes,
            url_bytes=self.max_url_bytes,
            body_s=self.body_timeout_s,
            unary_s=self.unary_timeout_s,
            longest_call_s=self.unary_deadline_s,
        )

    def policy(self) -> Policy:
        """The policy as the application takes it."""
        return Policy(
            public_metadata=self.public_metadata,
            proxies=self.trusted_proxies,
            cors_origins=self.cors_origins,
            is_public=self.public_url.startswith("https:"),
            base=self.base,
        )

    def timing(self) -> Timing:
        """The streams' timing as the application takes it."""
        return Timing(ping_s=self.sse_ping_s)

"""Settings of a server, from the environment and a file, checked all at once.

A service derives its own class and sets its prefix:

    class Settings(ServerSettings):
        model_config = SettingsConfigDict(env_prefix="WEFT_WORKSPACE_")

`WEFT_WORKSPACE_CONFIG_FILE` may name a TOML file with the same names in lower case; the
environment wins over it.
"""

import os
import tomllib
from pathlib import Path
from typing import Any, Self

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

MIB = 1 << 20


class ConfigError(Exception):
    """Settings that do not make a server; `problems` names each variable."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("the settings are not valid:\n  " + "\n  ".join(problems))
        self.problems = problems


class ServerSettings(BaseSettings):
    """What every server of the mesh can be told."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    credentials_dir: Path
    """Directory with `key.pem`, `chain.pem` and `trust.pem` of this service."""
    edge_address: str = "127.0.0.1:0"
    """Where people's clients connect: TLS with bearer tokens. Port 0 takes any free one."""
    mesh_address: str = "127.0.0.1:0"
    """Where services of the mesh connect: mutual TLS."""
    health_address: str = "127.0.0.1:0"
    """Where the kubelet asks for health: plaintext, grpc.health.v1 alone."""
    metrics_address: str = "127.0.0.1:0"
    """Where Prometheus scrapes `/metrics` over HTTP."""
    edge_certificate_file: Path | None = None
    """Certificate chain of a public CA for the edge listener; the mesh leaf serves without it."""
    edge_key_file: Path | None = None
    """Private key of `edge_certificate_file`."""
    ready_file: Path | None = None
    """File to write the bound addresses into, as JSON, once the server is ready."""
    log_level: str = "info"
    """Least level that is logged: debug, info, warning or error."""
    slow_call_s: float = 1.0
    """Unary calls that succeed within this time are logged at debug, all others at info."""
    open_reflection: bool = False
    """Whether reflection answers callers without a credential; for development."""

    max_message_bytes: int = 4 * MIB
    """Largest message in either direction."""
    max_metadata_bytes: int = 16 * 1024
    """Largest metadata of a call."""
    max_concurrent_calls: int = 10_000
    """Calls and streams under way on one listener before more are refused."""
    max_streams: int = 5_000
    """Streams open on this replica before more are refused."""
    max_streams_per_principal: int = 64
    """Streams that one principal (or address, for public methods) may hold open."""
    max_streams_per_run: int = 256
    """Streams that one run, or one service of the mesh, may hold open."""
    rate_per_second: float = 200
    """Calls per second of one principal, in the long run."""
    rate_burst: float = 400
    """Calls of one principal that may come at once."""
    peer_rate_per_second: float = 2_000
    """Calls per second of one service of the mesh, speaking for itself."""
    peer_rate_burst: float = 4_000
    """Calls of one service of the mesh that may come at once."""
    unary_deadline_s: float = 300
    """Longest that a unary call may work, whatever its own deadline."""
    first_message_s: float = 30
    """Longest that a stream may be open before the message that names its resource."""
    connection_age_s: float = 2_400
    """Age at which connections are asked to reconnect, give or take a tenth."""
    connection_grace_s: float = 2_100
    """How long streams may go on after that: longer than any of them lives."""
    stream_age_s: float = 1_800
    """Age at which a stream is asked to resume elsewhere, give or take a tenth."""
    stream_recheck_s: float = 300
    """How often an open stream's authorization is decided again."""
    stream_sweep_s: float = 1.0
    """How often open streams are looked at for expiry, revocation and a changed policy."""
    slow_consumer_s: float = 30
    """How long one write to a stream may be blocked by its reader."""
    drain_s: float = 20
    """How long calls may go on after the server was told to stop."""
    readiness_interval_s: float = 5
    """How often the readiness checks run."""

    @classmethod
    def load(cls, **overrides: Any) -> Self:
        """Reads the settings; raises ConfigError that lists every problem by variable."""
        prefix = cls.model_config.get("env_prefix", "")
        try:
            return cls(**{**_file_values(prefix), **overrides})
        except ValidationError as error:
            raise ConfigError([_sentence(prefix, problem) for problem in error.errors()]) from None


class MemberSettings(ServerSettings):
    """What a server can be told that joins the mesh of a control plane."""

    control_plane_endpoint: str = ""
    """The control plane's edge listener, "host:port"; needed to join the mesh."""
    control_plane_mesh_endpoint: str = ""
    """The control plane's mesh listener, where it is not where the control plane says it is."""
    enrollment_token_file: Path | None = None
    """File with a one-time token to join the mesh; not needed once `credentials_dir` is filled."""

    def enrollment_token(self) -> str:
        """The one-time token, or an empty string where there is none."""
        path = self.enrollment_token_file
        return path.read_text(encoding="utf-8").strip() if path and path.exists() else ""


def _file_values(prefix: str) -> dict[str, Any]:
    variable = f"{prefix}CONFIG_FILE".upper()
    path = os.environ.get(variable)
    if not path:
        return {}
    try:
        values = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError([f"{variable}: {path} cannot be read: {error}"]) from None
    # Keyword arguments win over the environment, so the file only fills its gaps.
    return {
        key: value for key, value in values.items() if f"{prefix}{key}".upper() not in os.environ
    }


def _sentence(prefix: str, problem: Any) -> str:
    name = "__".join(str(part) for part in problem["loc"])
    # The input is left out: it may be a secret.
    return f"{prefix}{name}".upper() + f": {problem['msg']}"

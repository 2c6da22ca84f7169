"""Settings of the workload manager."""

import os
import pwd
import sys
from pathlib import Path
from uuid import UUID

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from meshkit.config import MIB, MemberSettings


def _home() -> str:
    return pwd.getpwuid(os.getuid()).pw_dir


class WorkloadsSettings(MemberSettings):
    """Settings of the workload manager; each is `WEFT_WORKLOADS_` and its name."""

    model_config = SettingsConfigDict(env_prefix="WEFT_WORKLOADS_")

    state_dir: Path
    """Directory of the local engine: everything about its workloads. Private to this user."""
    slots: int = Field(default=os.cpu_count() or 1, ge=1)
    """Workloads that execute at once; the others are queued."""
    max_queued: int = Field(default=10_000, ge=1)
    """Workloads that may be queued before more are refused."""
    log_limit_bytes: int = Field(default=256 * MIB, ge=MIB)
    """Size at which the log of one workload stops growing, and says so."""
    grace_s: float = Field(default=10, ge=0)
    """Between SIGTERM and SIGKILL where a timeout, or a shutdown of the host, ends a workload."""
    end_on_stop: bool = False
    """Whether stopping the manager ends its workloads, instead of leaving them to the next one."""
    ttl_s: float = Field(default=86_400, ge=0)
    """How long an ended workload is kept where it does not say so itself."""
    workload_path: str = f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"
    """PATH of workloads."""
    workload_home: str = Field(default_factory=_home)
    """HOME of workloads."""
    workload_lang: str = "C.UTF-8"
    """LANG of workloads."""
    cgroup_dir: str = ""
    """A cgroup v2 directory delegated to this user; without one no limit is enforced."""
    allowed_workspaces: tuple[UUID, ...] = ()
    """Workspaces that may always call, beside those that the control plane names."""
    advertised_mesh_address: str = ""
    """Where workspaces reach the mesh listener, if not at its own address."""

"""One-time tokens of the services that a mesh begins with, where the operator finds them.

They lie beside the setup token, as private as that and as the keys of the CA: who reads them
could read those. A Secret of Kubernetes, or a volume, takes each to the service that it is for,
and no other's: each has a directory of its own.
"""

from collections.abc import Mapping
from pathlib import Path

from controlplane.ca import require_host_names
from controlplane.config import Settings
from controlplane.operations import founding
from controlplane.operations.founding import Founder
from meshkit import files
from meshkit.config import ConfigError
from meshkit.database import Database
from meshkit.errors import InvalidArgument
from meshkit.spiffe import Role

# By the names of their programs; so are the directories.
ROLES = {
    "workspace": Role.WORKSPACE,
    "workloads": Role.WORKLOAD_MANAGER,
    "gateway": Role.GATEWAY,
}

_FILE = "enrollment-token"


async def invite_founders(settings: Settings, database: Database, fingerprint: str) -> None:
    """Writes a token for each service of the settings that has none, or none that works.

    Raises ConfigError for host names that no certificate may hold.
    """
    if not settings.founders:
        return
    directory = settings.founders_dir or settings.data_dir / "founders"
    founders = _founders(settings)
    made = await database.write(
        founding.invite,
        settings.organization,
        settings.first_workspace,
        founders,
        kept=_kept(directory, founders),
        trust_domain=settings.trust_domain,
    )
    digest = fingerprint.removeprefix("sha256:")
    for name, token in made.items():
        files.make_private_directory(directory)
        files.make_private_directory(directory / name)
        files.write_private(directory / name / _FILE, f"{token}.{digest}".encode())


def _founders(settings: Settings) -> dict[str, Founder]:
    try:
        for names in settings.founders.values():
            require_host_names(names, trust_domain=settings.trust_domain)
    except InvalidArgument as error:
        raise ConfigError([f"founders: {error}"]) from error
    return {name: Founder(ROLES[name], names) for name, names in settings.founders.items()}


def _kept(directory: Path, founders: Mapping[str, Founder]) -> dict[str, str]:
    paths = {name: directory / name / _FILE for name in founders}
    return {
        name: path.read_text(encoding="utf-8").strip()
        for name, path in paths.items()
        if path.exists()
    }

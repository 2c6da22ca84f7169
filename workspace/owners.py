"""To which run belongs what does not bear its name: a shared run's logs and artifacts are shared.

Asked while a caller is being authorized, so names come here as they were sent.
"""

import re

from meshkit.database import Database
from meshkit.resources import ID_PATTERN
from workspace import names
from workspace.store import artifacts as artifact_store
from workspace.store import logs as log_store

_PROJECT = rf"projects/({ID_PATTERN})"
_LOG_STREAM = re.compile(rf"{_PROJECT}/logStreams/({ID_PATTERN})")
_ARTIFACT_VERSION = re.compile(rf"{_PROJECT}/artifacts/({ID_PATTERN})/versions/([1-9][0-9]{{0,9}})")


class Owners:
    """Looks up the runs that made things."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def run_of(self, name: str) -> str:
        """The name of the run that a log stream or artifact version is of; "" for all else."""
        if match := _LOG_STREAM.fullmatch(name):
            stream = await self._database.read(log_store.get, match[1], match[2])
            return names.run(match[1], stream.run) if stream else ""
        if match := _ARTIFACT_VERSION.fullmatch(name):
            project, artifact, number = match[1], match[2], int(match[3])
            version = await self._database.read(artifact_store.version, project, artifact, number)
            return names.run(project, version.producer_run) if version else ""
        return ""

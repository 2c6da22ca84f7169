"""Resource names of a run and of what belongs to it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

# Fixed, so that the same attempt always writes to the same log.
_LOG_NAMESPACE = uuid.UUID("6f1d3a52-0c55-4b0e-9a57-1f6f0f1f7a10")


@dataclass(frozen=True, slots=True)
class RunRef:
    """A run of a workspace: `projects/<project>/runs/<run>`."""

    project: str
    run: str

    @classmethod
    def parse(cls, name: str) -> RunRef:
        """Reads a run's resource name."""
        _, project, _, run = name.split("/")
        return cls(project, run)

    @property
    def parent(self) -> str:
        """Resource name of the project."""
        return f"projects/{self.project}"

    @property
    def name(self) -> str:
        """Resource name of the run."""
        return f"{self.parent}/runs/{self.run}"

    def log_stream_id(self, step_id: str, attempt: int) -> str:
        """Id of the log of an attempt; the same attempt has the same one."""
        return str(uuid.uuid5(_LOG_NAMESPACE, f"{self.name}/{step_id}/{attempt}"))

    def log_stream(self, step_id: str, attempt: int) -> str:
        """Resource name of the log of an attempt."""
        return f"{self.parent}/logStreams/{self.log_stream_id(step_id, attempt)}"

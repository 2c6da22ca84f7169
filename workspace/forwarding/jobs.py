"""The job that forwards logs, joined with what it works on."""

from meshkit.jobs import Job
from meshkit.server import MeshServer
from workspace.forwarding.forwarder import Forwarder, expose_forwarding
from workspace.services import Parts


async def forwarding(parts: Parts, server: MeshServer) -> list[Job]:
    """The job; none where nobody wants logs."""
    settings = parts.settings
    if not settings.log_forwarding_url:
        return []
    forwarder = Forwarder(parts.database, parts.logs.logs, parts.secrets, settings, parts.clock)
    await forwarder.begin()
    parts.logs.tell_removed(forwarder.removed)
    expose_forwarding(parts.metrics, forwarder.counts)

    async def close() -> None:
        forwarder.close()

    server.on_close(close)
    return [Job("forward_logs", forwarder.run, settings.log_forwarding_interval_s)]

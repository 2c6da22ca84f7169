"""(h) Memory of the workspace server: idle, and the most it held under a mix of load."""

from bench.create_run import creator
from bench.figures import Figure, stay_below
from bench.load import Options
from bench.report_status import reporting
from bench.run import main
from bench.site import Server, Site
from bench.watch_fan_out import watchers


async def measure(site: Site, options: Options) -> list[Figure]:
    ours, bare = await site.workspace(), await site.bare()
    idle = ours.process.memory_mb, bare.process.memory_mb
    peaks = [await _peak(server, options) for server in (ours, bare)]
    return [
        Figure("h", "memory, idle", "MB", idle[0], idle[1], stay_below(120)),
        Figure("h", "memory, peak under load", "MB", peaks[0], peaks[1], stay_below(300)),
    ]


async def _peak(server: Server, options: Options) -> float:
    """Runs created and reported on by 64 clients, with 100 watchers beside them."""
    everybody = await watchers(server, 10 if options.quick else 100)
    for slice_ in (await creator(server), await reporting(server)):
        await slice_(options.slice_s)
    await everybody.close()
    return server.process.peak_memory_mb


if __name__ == "__main__":
    main(measure)

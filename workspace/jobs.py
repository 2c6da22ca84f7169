"""What a workspace does now and then, by one of its servers at a time."""

from functools import partial

from meshkit.clock import Clock
from meshkit.jobs import Job
from workspace.courier import AuditCourier
from workspace.reaper import Reaper
from workspace.retention.job import LOOK_S
from workspace.scheduler import Scheduler
from workspace.secrets.upkeep import SecretUpkeep
from workspace.services import Parts
from workspace.triggering.reactor import Reactor
from workspace.upkeep import Upkeep, expire_conditions


def jobs_of(parts: Parts, clock: Clock, courier: AuditCourier) -> list[Job]:
    settings = parts.settings
    reaper = Reaper(
        parts.database,
        parts.heartbeats,
        clock=clock,
        silence=settings.silence,
        lease=settings.heartbeat_lease,
    )
    secrets = SecretUpkeep(parts.database, parts.backends, parts.secrets)
    wake, refusal = parts.reconciler.wake, parts.policies.refusal
    scheduler = Scheduler(parts.database, refusal, clock=clock, wake=wake)
    upkeep = Upkeep(parts.database, settings, courier, clock)
    reactor = Reactor(parts.database, parts.policies)
    forget = partial(parts.logs.forget_old, settings.keep_logs)
    return [
        *([Job("old_logs", forget, settings.upkeep_interval_s)] if settings.keep_logs_s else []),
        Job("left_logs", parts.logs.remove_left, settings.upkeep_interval_s),
        Job("reaper", reaper.run, settings.reaper_interval_s),
        Job("conditions", partial(expire_conditions, parts.database), settings.reaper_interval_s),
        Job("launches", parts.reconciler.run, settings.launch_interval_s, at_once=True),
        Job("contents", parts.contents.remove_orphans, settings.upkeep_interval_s),
        Job("alerters", parts.alerts.run, settings.launch_interval_s, at_once=True),
        Job("triggers", reactor.run, settings.launch_interval_s, at_once=True),
        Job("schedules", scheduler.run, settings.schedule_interval_s),
        Job("seal_logs", parts.logs.seal_ended, settings.log_sealing_interval_s),
        Job("secret_keys", parts.rotation.run, settings.secrets_key_interval_s),
        Job("secrets", secrets.run, settings.secrets_upkeep_interval_s),
        Job("upkeep", upkeep.run, settings.upkeep_interval_s),
        Job("retention", parts.run_archive.run, LOOK_S),
    ]

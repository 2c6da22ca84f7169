"""The life of a workspace: which operation may begin when, and how its state is told.

Pure tables and functions. What is stored is the phase, which operations change; whether the
server of a workspace that should run does run is told by its link, at every look anew.
"""

import enum
from dataclasses import dataclass
from datetime import datetime


class Mode(enum.StrEnum):
    """Who runs the server; the values stand in the database and, with a prefix, on the wire."""

    PROVISIONED = "PROVISIONED"
    HYBRID = "HYBRID"


class UpgradePolicy(enum.StrEnum):
    """Who upgrades a provisioned workspace; values as above."""

    MANUAL = "MANUAL"
    AUTOMATIC = "AUTOMATIC"


class Phase(enum.StrEnum):
    """What the control plane does with a workspace; the values stand in the database."""

    CREATING = "CREATING"
    # Its server should run: how it is, its link says.
    RUNNING = "RUNNING"
    UPGRADING = "UPGRADING"
    SUSPENDED = "SUSPENDED"
    DELETING = "DELETING"
    FAILED = "FAILED"


class State(enum.StrEnum):
    """What people see; with a prefix, on the wire."""

    CREATING = "CREATING"
    ENROLLING = "ENROLLING"
    ACTIVE = "ACTIVE"
    DEGRADED = "DEGRADED"
    UNREACHABLE = "UNREACHABLE"
    UPGRADING = "UPGRADING"
    SUSPENDED = "SUSPENDED"
    DELETING = "DELETING"
    FAILED = "FAILED"


class Kind(enum.StrEnum):
    """Kinds of operation; values as above."""

    CREATE = "CREATE"
    SUSPEND = "SUSPEND"
    RESUME = "RESUME"
    UPGRADE = "UPGRADE"
    DELETE = "DELETE"


class Course(enum.StrEnum):
    """Where an operation goes: to what was asked for, or back to where it began."""

    FORWARD = "FORWARD"
    BACK = "BACK"


# From which phases each kind may begin, and the phase that it begins.
BEGINS: dict[Kind, tuple[frozenset[Phase], Phase]] = {
    Kind.SUSPEND: (frozenset({Phase.RUNNING}), Phase.RUNNING),
    Kind.RESUME: (frozenset({Phase.SUSPENDED, Phase.FAILED}), Phase.RUNNING),
    Kind.UPGRADE: (frozenset({Phase.RUNNING, Phase.FAILED}), Phase.UPGRADING),
    Kind.DELETE: (frozenset(Phase) - {Phase.CREATING, Phase.UPGRADING}, Phase.DELETING),
}
# Kinds that can go back; the others are as quickly done as undone.
CANCELLABLE = frozenset({Kind.CREATE, Kind.UPGRADE})


class Verdict(enum.StrEnum):
    """What a service's link says about it; the values stand in the database."""

    HEALTHY = "HEALTHY"
    FAILING = "FAILING"
    GONE = "GONE"


@dataclass(frozen=True, slots=True)
class LinkVerdict:
    """The verdict of a link, since when it holds, and what fails."""

    verdict: Verdict
    since: datetime | None
    problems: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """A state as people read it; `since` is None where nobody knows."""

    state: State
    reason: str
    since: datetime | None


def state_of(
    phase: Phase,
    *,
    phase_reason: str,
    phase_time: datetime,
    has_joined: bool,
    link: LinkVerdict | None,
) -> Told:
    """The state of a workspace; `link` is None where its server has never linked."""
    if phase is not Phase.RUNNING:
        return Told(State(phase.value), phase_reason, phase_time)
    if not has_joined:
        return Told(State.ENROLLING, "Its server has not joined yet.", phase_time)
    if link is None or link.verdict is Verdict.GONE:
        since = link.since if link else phase_time
        return Told(State.UNREACHABLE, phase_reason or "Its server is not linked now.", since)
    if link.verdict is Verdict.FAILING:
        return Told(State.DEGRADED, link.problems, link.since)
    return Told(State.ACTIVE, "Its server is linked and healthy.", link.since)

"""What a run says itself, through the alerters of its project."""

from dataclasses import dataclass
from datetime import timedelta

from meshkit.errors import ResourceExhausted
from meshkit.session import Session
from workspace import names
from workspace.alerting.notices import RUN_ALERT, alert_of
from workspace.operations import alerters
from workspace.operations.alert_deliveries import delivery_of, require_active, wants
from workspace.operations.refusals import absent
from workspace.store import alert_deliveries as store
from workspace.store import alerters as alerter_store
from workspace.store import runs as run_store
from workspace.store.schema import Run
from workspace.store.schema_alerters import AlertDelivery, Alerter

MOST_AN_HOUR = 60
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Said:
    """What a run says; `alerter` is the id of the one that tells it, `key` that of saying it."""

    project: str
    run: str
    text: str
    key: str
    actor: str
    alerter: str = ""
    step: str = ""


def send(session: Session, said: Said, *, workspace: str, browser_url: str) -> list[AlertDelivery]:
    """Keeps what is to be told, for every alerter that tells it.

    NotFound for a run or an alerter, FailedPrecondition for a paused one, ResourceExhausted.
    """
    # Held, so that those who speak at the same time are counted.
    run = run_store.lock(session, said.project, said.run)
    if run is None:
        raise absent(names.run(said.project, said.run))
    _require_few(session, run)
    notice = alert_of(run, said.text, time=session.now, actor=said.actor, step=said.step)
    if said.alerter:
        tellers = [_named(session, said)]
    else:
        rows = alerter_store.active(session, {said.project})
        tellers = [row for row in rows if wants(row, notice)]
    found = [
        delivery_of(teller, notice, said.key, workspace=workspace, browser_url=browser_url)
        for teller in tellers
    ]
    store.keep(session, found)
    return found


def _named(session: Session, said: Said) -> Alerter:
    row = alerters.require(session, said.project, said.alerter)
    require_active(row)
    return row


def _require_few(session: Session, run: Run) -> None:
    if store.said_since(session, run.name, RUN_ALERT, session.now - _HOUR) >= MOST_AN_HOUR:
        raise ResourceExhausted(
            "TOO_MANY_ALERTS",
            f"{run.name} has said {MOST_AN_HOUR} things within an hour: say fewer, larger ones.",
            metadata={"resource": run.name},
        )

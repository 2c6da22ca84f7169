"""What is so at one moment: an operation, its workspace, and how its server is."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from controlplane import store
from controlplane.lifecycle import Course, Kind, Phase, Told, Verdict, state_of
from controlplane.linking import views
from controlplane.linking.health import LinkRegistry, Seen
from controlplane.linking.views import WorkspaceView
from controlplane.store.schema_fleet import Operation
from meshkit.session import Session

# A certificate that ends sooner than this might not last until it is renewed.
_LASTING = timedelta(minutes=5)


def told(view: WorkspaceView, seen: Seen | None) -> Told:
    """The state of a workspace as people read it."""
    return state_of(
        Phase(view.row.phase),
        phase_reason=view.row.phase_reason,
        phase_time=view.row.phase_time,
        has_joined=view.has_joined,
        link=seen.verdict if seen else None,
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """A workspace, whether it can prove who it is, and how its server was seen."""

    view: WorkspaceView
    is_certified: bool
    seen: Seen | None

    @property
    def uid(self) -> UUID:
        return self.view.row.uid

    def lacks(self, version: str) -> str:
        """Why its server does not count as ready with a version; empty where it does."""
        seen = self.seen
        if seen is None or not seen.linked:
            return "its server is not linked"
        if seen.version != version:
            return f"its server runs {seen.version} where {version} is wanted"
        if not seen.report.checks:
            return "its server has not said yet how it is"
        return "" if seen.verdict.verdict is Verdict.HEALTHY else seen.verdict.problems


@dataclass(frozen=True, slots=True)
class Situation:
    """An operation under way, and where it stands."""

    operation: Operation
    standing: Standing
    head: int
    now: datetime

    @property
    def kind(self) -> Kind:
        return Kind(self.operation.kind)

    @property
    def is_back(self) -> bool:
        return self.operation.course == Course.BACK

    @property
    def is_late(self) -> bool:
        return self.now >= self.operation.expire_time

    @property
    def version(self) -> str:
        """The version that should run in the end."""
        operation = self.operation
        return operation.previous_version if self.is_back else operation.target_version


def standing_of(
    session: Session, uid: UUID, registry: LinkRegistry, *, trust_domain: str
) -> Standing:
    """How a workspace stands."""
    row = store.workspaces.get_any(session, uid)
    (view,) = views.of_rows(session, row.organization, [row], trust_domain)
    is_certified = store.enrollments.is_certified(session, view.spiffe_id, session.now + _LASTING)
    return Standing(view, is_certified, registry.see(view.spiffe_id, view.link))


def look(
    session: Session, operation: UUID, registry: LinkRegistry, *, trust_domain: str, head: int
) -> Situation:
    """How an operation stands; `head` is a revision from which on changes would show later."""
    row = store.operations.find(session, operation)
    standing = standing_of(session, row.workspace_uid, registry, trust_domain=trust_domain)
    return Situation(row, standing, head, session.now)

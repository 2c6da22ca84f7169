"""Teams: who is in one holds what it holds, so joining and leaving are grants taken and given."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from controlplane import store
from controlplane.operations import guards
from controlplane.operations.refusals import absent, require_etag, taken
from controlplane.store.schema_access import Team, TeamMember
from controlplane.subjects import Subject, SubjectKind
from meshkit.errors import ResourceExhausted
from meshkit.feed import ChangeKind
from meshkit.paging import Window
from meshkit.session import Session

# What is granted to a team is told to workspaces once for each member, in one message.
MAX_MEMBERS = 1000


def create(
    session: Session,
    organization: str,
    team: str,
    *,
    display_name: str,
    description: str,
    creator: Subject,
) -> Team:
    """Makes an empty team; raises AlreadyExists."""
    row = Team(
        organization=organization,
        id=team,
        display_name=display_name,
        description=description,
        creator=creator.claim,
        create_time=session.now,
        update_time=session.now,
    )
    is_taken = store.teams.get(session, organization, team) is not None
    if is_taken or not store.unique.insert(session, row):
        raise taken(row.name)
    session.emit(ChangeKind.CREATED, row)
    session.audited(resource=row.name, fields=("display_name", "description"))
    return row


def change(
    session: Session, organization: str, team: str, values: Mapping[str, Any], *, etag: str
) -> Team:
    """Gives fields new values; raises NotFound, or Aborted for another etag."""
    row = _locked(session, organization, team, etag)
    differing = tuple(field for field, value in values.items() if getattr(row, field) != value)
    for field in differing:
        setattr(row, field, values[field])
    if differing:
        row.update_time = session.now
        session.emit(ChangeKind.UPDATED, row, fields=differing)
    session.audited(resource=row.name, fields=differing)
    return row


def delete(session: Session, organization: str, team: str, *, etag: str, caller: Subject) -> None:
    """Deletes a team with its grants; raises NotFound, Aborted, or what the guards raise."""
    row = _locked(session, organization, team, etag)
    held = store.bindings.granted_to(session, row.subject)
    guards.require_held_now(session, caller, [each.grant for each in held])
    members = store.teams.members(session, [row.uid])
    for each in (*members, *store.bindings.of_subject(session, row.subject)):
        session.emit(ChangeKind.DELETED, each)
        session.delete(each)
    session.flush()
    session.emit(ChangeKind.DELETED, row)
    session.delete(row)
    if any(guards.is_administration(each) for each in held):
        guards.require_administrator(session, organization)
    session.audited(resource=row.name)


def add(
    session: Session, organization: str, team: str, members: Iterable[str], *, caller: Subject
) -> list[TeamMember]:
    """Puts members into a team; those in it stay. Raises NotFound, PRIVILEGE_ESCALATION."""
    row = _locked(session, organization, team)
    held = store.bindings.granted_to(session, row.subject)
    guards.require_held(session, caller, [each.grant for each in held])
    known = {member.member_uid: member for member in store.teams.members(session, [row.uid])}
    wanted = {name: _require(session, organization, name) for name in sorted(set(members))}
    _require_size(len(known.keys() | {subject.uid for subject in wanted.values()}))
    for name, subject in wanted.items():
        if subject.uid not in known:
            known[subject.uid] = join(session, row, name, subject, creator=caller.claim)
    session.audited(resource=row.name, fields=("members",))
    return [known[subject.uid] for subject in wanted.values()]


def remove(
    session: Session, organization: str, team: str, members: Iterable[str], *, caller: Subject
) -> None:
    """Takes members out of a team; raises NotFound, PRIVILEGE_ESCALATION, LAST_ADMINISTRATOR."""
    row = _locked(session, organization, team)
    held = store.bindings.granted_to(session, row.subject)
    named = set(members)
    leaving = [each for each in store.teams.members(session, [row.uid]) if each.member in named]
    if any(each.subject != caller for each in leaving):
        guards.require_held_now(session, caller, [each.grant for each in held])
    leave(session, leaving)
    if any(guards.is_administration(each) for each in held):
        guards.require_administrator(session, organization)
    session.audited(resource=row.name, fields=("members",))


def join(session: Session, team: Team, name: str, subject: Subject, *, creator: str) -> TeamMember:
    """Puts somebody into a team who is not in it, unguarded; the team must be locked."""
    member = TeamMember(
        team_uid=team.uid,
        member_kind=subject.kind.value,
        member_uid=subject.uid,
        team=team.name,
        member=name,
        creator=creator,
        create_time=session.now,
    )
    session.add(member)
    session.flush()
    session.emit(ChangeKind.CREATED, member)
    return member


def leave(session: Session, members: Sequence[TeamMember]) -> None:
    """Takes these out of their teams, unguarded."""
    for member in members:
        session.emit(ChangeKind.DELETED, member)
        session.delete(member)
    session.flush()


def has_room(session: Session, team: Team) -> bool:
    """Whether one more may join a team, which is locked."""
    return len(store.teams.members(session, [team.uid])) < MAX_MEMBERS


def _require_size(members: int) -> None:
    if members > MAX_MEMBERS:
        raise full()


def full() -> ResourceExhausted:
    """The refusal of a team that has all the members it may have."""
    return ResourceExhausted(
        "QUOTA_EXCEEDED",
        f"A team has at most {MAX_MEMBERS} members.",
        metadata={"limit": str(MAX_MEMBERS)},
    )


def require(session: Session, organization: str, team: str) -> Team:
    """The team; raises NotFound."""
    row = store.teams.get(session, organization, team)
    if row is None:
        raise absent(_name(organization, team))
    return row


def list_members(
    session: Session, organization: str, team: str, window: Window
) -> Sequence[TeamMember]:
    """A page of members; raises NotFound."""
    return store.teams.list_members(session, require(session, organization, team).uid, window)


def _locked(session: Session, organization: str, team: str, etag: str = "") -> Team:
    row = store.teams.lock(session, organization, team)
    if row is None:
        raise absent(_name(organization, team))
    require_etag(row, etag)
    return row


def _require(session: Session, organization: str, name: str) -> Subject:
    subject = store.subjects.find(session, organization, name)
    if subject is None or subject.kind is SubjectKind.TEAM:
        raise absent(name)
    return subject


def _name(organization: str, team: str) -> str:
    return f"organizations/{organization}/teams/{team}"

"""Teams that follow a provider's groups: joined and left when their people sign in.

What a provider made is what its name stands in as the creator; whom somebody here put into a
team stays, whatever the groups say.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from controlplane import store, subjects
from controlplane.chains import chain_of
from controlplane.operations import guards, own_acts, teams
from controlplane.store.schema import User
from controlplane.store.schema_access import Team, TeamMember
from controlplane.store.schema_identity import IdentityProvider
from meshkit.errors import InvalidArgument
from meshkit.session import Session


def resolve(session: Session, organization: str, mappings: Sequence[Any]) -> list[Any]:
    """Mappings with the UUIDs of their teams; raises NotFound, or INVALID_FIELDS for a team of
    another organization."""
    prefix = f"organizations/{organization}/teams/"
    found = []
    for mapping in mappings:
        name = mapping["team"]
        if not name.startswith(prefix):
            raise InvalidArgument(
                "INVALID_FIELDS", "group_mappings: a team is of another organization"
            )
        team = teams.require(session, organization, name.removeprefix(prefix))
        found.append({**mapping, "uid": str(team.uid)})
    return found


def follow(
    session: Session, provider: IdentityProvider, user: User, groups: frozenset[str]
) -> None:
    """Makes the teams of a person those of their groups, as far as they are the provider's."""
    mappings = provider.group_mappings
    mine = subjects.user(user.uid)
    current = store.teams.memberships(session, provider.organization, mine)
    ours = [each for each in current if each.creator == provider.name]
    if not mappings and not ours:
        return
    wanted = {UUID(mapping["uid"]) for mapping in mappings if mapping["group"] in groups}
    touched = wanted | {each.team_uid for each in ours}
    locked = store.teams.lock_all(session, provider.organization, sorted(touched))
    known = {each.team_uid for each in current}
    for team in locked:
        if team.uid in wanted - known:
            _join(session, team, user, provider)
    leave(session, provider, [each for each in ours if each.team_uid not in wanted])


def leave(session: Session, provider: IdentityProvider, leaving: Sequence[TeamMember]) -> None:
    """Takes people out of teams; raises LAST_ADMINISTRATOR where nobody stays in charge."""
    teams_left = {each.team_uid for each in leaving}
    held = [
        grant
        for uid in teams_left
        for grant in store.bindings.granted_to(session, subjects.team(uid))
    ]
    for each in leaving:
        _record(session, provider, "TeamMember.Delete", each)
    teams.leave(session, leaving)
    if any(guards.is_administration(each) for each in held):
        guards.require_administrator(session, provider.organization)


def _join(session: Session, team: Team, user: User, provider: IdentityProvider) -> None:
    if not teams.has_room(session, team):
        # Nobody is kept from signing in by how many others there are; they may join next time.
        chain = chain_of(provider.organization)
        refusal = teams.full()
        own_acts.record(
            session,
            chain,
            "TeamMember.Create",
            team.name,
            on_word_of=provider.name,
            code=refusal.code,
            reason=refusal.reason,
        )
        return
    subject = subjects.user(user.uid)
    member = teams.join(session, team, user.name, subject, creator=provider.name)
    _record(session, provider, "TeamMember.Create", member)


def _record(session: Session, provider: IdentityProvider, action: str, row: TeamMember) -> None:
    """Says what groups did: the row of the call is about a sign-in, or the provider."""
    chain = chain_of(provider.organization)
    own_acts.record(session, chain, action, row.name, on_word_of=provider.name)

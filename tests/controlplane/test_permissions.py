"""The role table, alone: against the contract, a brute-force oracle, and the golden matrix."""

import dataclasses
import itertools
from pathlib import Path

import pytest
from google.api import resource_pb2
from hypothesis import given
from hypothesis import strategies as st

from controlplane.authorization import scope_of
from controlplane.permissions import (
    CATALOGUE,
    COLLECTIONS,
    FROM_BELOW,
    ROLES,
    Grant,
    Scope,
    held_on,
    may_see_below,
)
from tests.contracts.descriptors import file_protos, methods
from weftapi.options.v1 import options_pb2

MATRIX = Path(__file__).with_name("role_matrix.txt")


def declared() -> dict[str, options_pb2.AuthPolicy]:
    """The policy of every method of the contract, by "Service.Method"."""
    return {
        f"{service.name}.{method.name}": method.options.Extensions[options_pb2.auth]
        for _, service, method in methods()
    }


def test_the_catalogue_is_that_of_the_contract() -> None:
    verbs = {auth.permission.verb for auth in declared().values() if auth.HasField("permission")}
    assert verbs == CATALOGUE


def test_roles_contain_each_other() -> None:
    viewer, editor, admin = (ROLES[id_].permissions for id_ in ("viewer", "editor", "admin"))
    assert viewer < editor < admin == CATALOGUE
    assert viewer > FROM_BELOW


def golden() -> dict[str, tuple[bool, ...]]:
    """Who may call each method, by "Service.Method": the reviewed matrix, column by column."""
    lines = MATRIX.read_text().splitlines()
    rows = [line.split() for line in lines if line and not line.startswith("#")]
    found = {method: tuple(mark == "yes" for mark in marks) for method, *marks in rows}
    assert len(found) == len(rows), "the matrix says something twice"
    return found


_PUBLIC_AT_WORKSPACES = {"ArtifactService.DownloadFile", "WebhookService.ReceiveWebhook"}


def test_the_golden_matrix_says_who_may_call_what() -> None:
    """`role_matrix.txt` is written and reviewed by hand; this compares, and never writes it.

    What the options alone say; `tests/hostile/test_callers.py` asks the servers.
    """
    signed_in = {method: (marks[0], *marks[2:6], marks[7]) for method, marks in golden().items()}
    assert signed_in == {
        # A run's credential is one of its workspace alone, and opens what is public there.
        method: (*_marks(auth)[:5], True) if method in _PUBLIC_AT_WORKSPACES else _marks(auth)
        for method, auth in declared().items()
    }


def _marks(auth: options_pb2.AuthPolicy) -> tuple[bool, ...]:
    """For nobody, anybody signed in, viewer, editor, admin, a run: whether they may call it."""
    kind = auth.WhichOneof("kind")
    if kind == "public":
        # For those without a credential: that of a run is one of its workspace alone.
        return (*(True,) * 5, False)
    if kind == "peer":
        return (False,) * 6
    run = options_pb2.PRINCIPAL_KIND_RUN in auth.principals
    if kind == "any_principal":
        return (False, *(True,) * 4, run)
    # Who is named, if anybody is, leaves people out that are not.
    people = not auth.principals or options_pb2.PRINCIPAL_KIND_USER in auth.principals
    verb = auth.permission.verb
    held = (people and verb in ROLES[id_].permissions for id_ in ("viewer", "editor", "admin"))
    return (False, False, *held, run)


IDS = ("a", "b")
# Neither is "runs/a" above "runs/ab", nor the other way round.
ITEMS = ("runs/a", "runs/ab", "runs/a/steps/b")
PROJECTS = [Scope(*parts) for parts in itertools.product(IDS, repeat=3)]
SCOPES = [
    *(Scope(*parts) for length in (1, 2) for parts in itertools.product(IDS, repeat=length)),
    *PROJECTS,
    *(dataclasses.replace(project, item=item) for project in PROJECTS for item in ITEMS),
]
scopes = st.sampled_from(SCOPES)
permission_sets = st.one_of(
    st.sampled_from([role.permissions for role in ROLES.values()]),
    st.frozensets(st.sampled_from(sorted(CATALOGUE)), max_size=5),
)
grant_lists = st.lists(st.builds(Grant, permission_sets, scopes), max_size=4)


@given(grant_lists, scopes)
def test_decisions_agree_with_walking_up_and_down(grants: list[Grant], scope: Scope) -> None:
    """The oracle knows names only: a grant counts where its name is a prefix of the thing's."""
    path = scope.name.split("/")
    expected = set()
    for grant in grants:
        granted = grant.scope.name.split("/")
        if path[: len(granted)] == granted:
            expected |= grant.permissions
        elif granted[: len(path)] == path:
            expected |= grant.permissions & FROM_BELOW
    assert held_on(grants, scope) == expected


@given(grant_lists, scopes, st.sampled_from(sorted(CATALOGUE)))
def test_a_list_is_open_to_whoever_sees_something_in_it(
    grants: list[Grant], scope: Scope, permission: str
) -> None:
    below = [other for other in SCOPES if scope.holds(other)]
    expected = any(permission in held_on(grants, other) for other in below)
    assert may_see_below(grants, permission, scope) == expected


@pytest.mark.parametrize(
    ("name", "scope"),
    [
        ("organizations/o", Scope("o")),
        ("organizations/o/workspaces/w", Scope("o", "w")),
        ("organizations/o/workspaces/w/projects/p", Scope("o", "w", "p")),
        ("organizations/o/workspaces/w/projects/p/runs/r", Scope("o", "w", "p", "runs/r")),
        (
            "organizations/o/workspaces/w/projects/p/artifacts/a/versions/3",
            Scope("o", "w", "p", "artifacts/a/versions/3"),
        ),
        ("organizations/o/roleBindings/b", Scope("o")),
        ("organizations/o/serviceAccounts/a/apiKeys/k", Scope("o")),
        ("organizations/o/workspaces/w/projects/p/runs", None),
        ("organizations/o/workspaces/w/projects/p/runs/-", None),
        ("organizations/o/workspaces/w/projects/p/runs/..", None),
        ("organizations/o/teams/t/-/x", None),
        ("organizations/o/workspaces", None),
        ("organizations/o/workspaces/w/", None),
        ("organizations/o/workspaces/w/runs/r", None),
        ("organizations/o/workspaces/-", None),
        ("organizations/-", None),
        ("organizations/o\n", None),
        ("organizations/O", None),
        ("organizations//workspaces/w", None),
        ("organizations/o/../x", None),
        ("/organizations/o", None),
        ("", None),
    ],
)
def test_names_say_where_they_lie(name: str, scope: Scope | None) -> None:
    assert scope_of(name) == scope


def test_everything_in_a_project_can_be_shared() -> None:
    """The kinds that grants may name are those of the contract."""
    found = set()
    for file in file_protos():
        for message in file.message_type:
            for pattern in message.options.Extensions[resource_pb2.resource].pattern:
                parts = pattern.split("/")
                if parts[0] == "projects" and len(parts) > 2:
                    found.add(parts[2])
    assert found
    assert found <= COLLECTIONS

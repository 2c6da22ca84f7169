"""Floods are slowed down with a time to come back, and denials are written down, within bounds."""

import threading
from collections.abc import Callable, Iterator
from uuid import UUID, uuid4

import pytest

from meshkit.caller import CallerKind
from meshkit.spiffe import Role
from tests.hostile.calls import Method, Outcome, methods
from tests.hostile.test_permissions import GRANTED
from tests.hostile.world import CONTROL_PLANE, WORKSPACE, World, world
from weftapi.controlplane.v1 import auth_pb2, organizations_pb2
from weftapi.workspace.v1 import runs_pb2

_BURST = 60
_PATIENCE_S = 20.0
_FEW = 150
_OF_PATH = {method.path: method for method in methods()}
_HONEST = {CONTROL_PLANE: "GetCurrentPrincipal", WORKSPACE: "GetFeedInfo"}


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Servers with little patience."""
    directory = tmp_path_factory.mktemp("narrow")
    with world(
        directory, rate_per_second=0.01, rate_burst=_BURST, sign_in_per_minute=10
    ) as servers:
        yield servers


def _named(name: str) -> Method:
    return next(method for method in methods() if method.descriptor.name == name)


def _eventually(holds: Callable[[], bool]) -> None:
    """Waits for what the server does behind its callers' backs."""
    tick = threading.Event()
    for _ in range(int(_PATIENCE_S / 0.02)):
        if holds():
            return
        tick.wait(0.02)
    raise AssertionError("it did not come to hold")


def _limited(calls: Callable[[], Outcome], most: int) -> Outcome:
    """Calls until it is too often."""
    for _ in range(most + 1):
        found = calls()
        if found.code == "RESOURCE_EXHAUSTED":
            assert found.reason == "RATE_LIMITED"
            assert found.retry_s
            return found
    raise AssertionError("nothing was limited")


@pytest.mark.parametrize("package", _HONEST)
def test_one_caller_is_limited_and_no_other(narrow: World, package: str) -> None:
    site, method = narrow.sites[package], _named(_HONEST[package])
    _limited(lambda: site.edge.call(method, token=site.admin), _BURST)
    # Neither by another listener, nor at another's cost.
    through = site.mesh[Role.GATEWAY].call(method, token=site.admin)
    assert through.code == "RESOURCE_EXHAUSTED"
    assert site.edge.call(method, token=site.stranger).code == "OK"


def test_nobody_is_limited_by_address(narrow: World) -> None:
    site, method = narrow.sites[CONTROL_PLANE], _named("GetJwks")
    _limited(lambda: site.edge.call(method), _BURST)
    gateway = site.mesh[Role.GATEWAY]
    address = [("x-weft-client-address", "198.51.100.7")]
    assert gateway.call(method, metadata=address).code == "OK"


@pytest.mark.parametrize("package", _HONEST)
def test_showing_tokens_that_do_not_hold_is_limited_by_address(narrow: World, package: str) -> None:
    site, method = narrow.sites[package], _named(_HONEST[package])
    numbers = iter(range(_BURST + 1))
    address = [("x-weft-client-address", "198.51.100.23")]
    gateway = site.mesh[Role.GATEWAY]

    def forged() -> Outcome:
        return gateway.call(method, token=f"forged-{next(numbers)}", metadata=address)

    assert forged().code == "UNAUTHENTICATED"
    _limited(forged, _BURST)
    # The same address with a token that holds goes on.
    assert gateway.call(method, token=site.stranger, metadata=address).code == "OK"


def test_guessing_passwords_is_slow(narrow: World) -> None:
    """From anywhere on one account; behind a gateway, the address is that of its client."""
    site, method = narrow.sites[CONTROL_PLANE], _named("SignIn")
    guess = auth_pb2.SignInRequest(email="eve@example.com", password="guess again and again")
    numbers = iter(range(100))

    def attempt() -> Outcome:
        address = [("x-weft-client-address", f"203.0.113.{next(numbers)}")]
        return site.mesh[Role.GATEWAY].call(method, guess.SerializeToString(), metadata=address)

    assert attempt().code == "UNAUTHENTICATED"
    _limited(attempt, 10)


def test_denials_are_written_down(hosts: World) -> None:
    """One row for each method that was refused, with who, what and why."""
    denied = [method for method in GRANTED if hosts.of(method).database]
    for number, method in enumerate(denied):
        if method.package == WORKSPACE:
            # So many refusals of one caller would be a flood: every fiftieth there is another.
            token = hosts.workspace.token(f"users/{UUID(int=1_000 + number // 50)}")
            hosts.of(method).edge.call(method, token=token)
        else:
            hosts.of(method).as_nobody(method)
    for package in _HONEST:
        site = hosts.sites[package]
        expected = {method.path for method in denied if method.package == package}
        _eventually(
            lambda site=site, expected=expected: (
                {row["method"] for row in site.audit("code = 7")} >= expected
            )
        )
        for row in site.audit("code = 7"):
            assert row["actor"].startswith("users/")
            is_for_people = _OF_PATH[row["method"]].policy.principals != {CallerKind.RUN}
            assert row["reason"] == ("NOT_PERMITTED" if is_for_people else "CALLER_NOT_ALLOWED")


def _audited(hosts: World, package: str) -> int:
    """How many audit rows there are once all that waited are written: first in, first out."""
    site = hosts.sites[package]
    if package == WORKSPACE:
        # A member whom the policy does not know, and who was refused nothing before.
        token, method = hosts.workspace.token(f"users/{uuid4()}"), _named("GetRun")
        last = f"projects/{uuid4()}/runs/first"
        request = runs_pb2.GetRunRequest(name=last)
    else:
        token, method = site.admin, _named("GetOrganization")
        last = f"organizations/{uuid4()}"
        request = organizations_pb2.GetOrganizationRequest(name=last)
    site.edge.call(method, request.SerializeToString(), token=token)
    _eventually(lambda: bool(site.audit("resource = ?", last)))
    return len(site.audit())


@pytest.mark.parametrize("package", _HONEST)
def test_a_flood_of_nobody_does_not_fill_the_audit_log(hosts: World, package: str) -> None:
    """Whatever nobody calls, reads and changes alike, again and again."""
    site = hosts.sites[package]
    guarded = [method for method in GRANTED if method.package == package]
    before = _audited(hosts, package)
    for number in range(400):
        method = guarded[number % len(guarded)]
        assert site.edge.call(method, token="x.y.z" * (number % 2)).code == "UNAUTHENTICATED"
    assert _audited(hosts, package) - before < _FEW


@pytest.mark.parametrize("package", _HONEST)
def test_a_flood_of_denials_does_not_fill_the_audit_log(hosts: World, package: str) -> None:
    site = hosts.sites[package]
    method = next(method for method in GRANTED if method.package == package)
    before = _audited(hosts, package)
    for _ in range(400):
        assert site.as_nobody(method).code == "PERMISSION_DENIED"
    assert _audited(hosts, package) - before < _FEW

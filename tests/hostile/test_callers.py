"""Every method of the mesh, called by every kind of caller: as the reviewed matrix says."""

from uuid import uuid4

import pytest

from meshkit.access import Audit
from tests.controlplane.test_permissions import golden
from tests.hostile.callers import COLUMNS, Visitor, Visitors, everybody
from tests.hostile.calls import BUGS, Method, Outcome, methods
from tests.hostile.messages import field_at, put, rules_of, spoil
from tests.hostile.world import Site, World

# With these a door is shut; whoever hears of anything else is past it.
SHUT = {"INVALID_CREDENTIAL", "CALLER_NOT_ALLOWED", "NOT_PERMITTED"}
# What grants are on, whom methods are about, and what there is one of: they exist also where a
# call would change them.
ROOTS = {
    "weft.dev/CertificateAuthority",
    "weft.dev/Organization",
    "weft.dev/Project",
    "weft.dev/User",
}


@pytest.fixture(scope="module")
def visitors(hosts: World) -> dict[str, Visitors]:
    return everybody(hosts)


def lets_in(outcome: Outcome) -> bool:
    return outcome.code != "UNIMPLEMENTED" and outcome.reason not in SHUT


def request(site: Site, method: Method, visitor: Visitor) -> bytes:
    """Names what the method is about, and is wrong otherwise: whoever may call changes nothing."""
    message, path = method.request(), method.policy.resource_field
    spoil(message)
    if path:
        put(message, path, _name(site, method, visitor, path))
    return message.SerializeToString()


def _name(site: Site, method: Method, visitor: Visitor, path: str) -> str:
    type_ = rules_of(field_at(method.descriptor.input_type, path)).resource_type or site.root
    name = visitor.own.get(type_, site.names[type_])
    if method.policy.audit is not Audit.WRITE or type_ in ROOTS:
        return name
    return f"{name.rpartition('/')[0]}/{uuid4()}"


@pytest.mark.parametrize("method", methods(), ids=str)
def test_every_caller_finds_the_doors_of_the_matrix(
    hosts: World, visitors: dict[str, Visitors], method: Method
) -> None:
    found = {}
    for column, visitor in visitors[method.package].items():
        outcome = visitor.call(method, request(hosts.of(method), method, visitor))
        assert outcome.code not in BUGS, column
        assert outcome.code != "OK" or method.policy.audit is not Audit.WRITE, column
        found[column] = lets_in(outcome)
    marks = golden()[f"{method.service}.{method.descriptor.name}"]
    assert found == dict(zip(COLUMNS, marks, strict=True))

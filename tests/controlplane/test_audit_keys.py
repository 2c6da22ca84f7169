"""The key that signs the audit log is replaced, and everything it signed goes on to verify."""

import json
from typing import Any
from uuid import uuid4

import pytest

from tests.controlplane.auditing import HOME, exported, keys, listed, notary_of, verdict
from tests.controlplane.harness import ORGANIZATION, Client, Plane, refused
from weft._audit import AuditBrokenError, verify_export
from weftapi.controlplane.v1 import audit_pb2

DENIED = ("PERMISSION_DENIED", "NOT_PERMITTED")


def rotate(client: Client, kid: str, organization: str = ORGANIZATION) -> Any:
    request = audit_pb2.RotateAuditKeyRequest(organization=organization, kid=kid)
    return client.audit.RotateAuditKey(request)


async def kids(client: Client) -> list[str]:
    return [key["kid"] for key in (await keys(client))["keys"]]


async def test_what_older_keys_signed_goes_on_to_verify(plane: Plane, admin: Client) -> None:
    kept = await keys(admin)
    (first,) = await kids(admin)
    await plane.sign_in()
    used = [first]
    for _ in range(2):
        answered = [key.kid for key in (await rotate(admin, used[0])).keys]
        assert answered == await kids(admin)
        assert answered[1:] == used
        used = answered
        await plane.sign_in()
    await notary_of(plane, await plane.database()).certify(HOME)
    assert (await verdict(admin)).complete
    lines = await exported(admin)
    signers = {
        json.loads(line)["checkpoint"]["kid"] for line in lines if line.startswith('{"checkpoint"')
    }
    assert signers == set(used)
    # All of the keys verify it, and so does the first alone: each vouched for the next.
    whole = verify_export(lines, await keys(admin))
    assert verify_export(lines, kept) == whole
    (made,) = await listed(admin, f'resource = "{ORGANIZATION}/auditKeys/{used[0]}"')
    assert (made.action, made.actor.subject) == ("AuditService.RotateAuditKey", admin.subject)


async def test_a_key_that_nobody_vouched_for_is_not_trusted(plane: Plane, admin: Client) -> None:
    kept = await keys(admin)
    (first,) = await kids(admin)
    await rotate(admin, first)
    lines = await exported(admin)
    (at,) = (number for number, line in enumerate(lines) if '"succession"' in line)
    without = [*lines[:at], *lines[at + 1 :]]
    with pytest.raises(AuditBrokenError, match="signed by an unknown key"):
        verify_export(without, kept)
    passed_on = json.loads(lines[at])
    passed_on["succession"]["x"] = kept["keys"][0]["x"]
    forged = [*lines[:at], json.dumps(passed_on), *lines[at + 1 :]]
    with pytest.raises(AuditBrokenError, match="not vouched for"):
        verify_export(forged, kept)


async def test_a_key_is_replaced_once_however_often_it_is_asked(
    plane: Plane, admin: Client
) -> None:
    (first,) = await kids(admin)
    once = await rotate(admin, first)
    assert await rotate(admin, first) == once
    assert await rotate(admin, "no such key") == once
    assert (await refused(rotate(admin, "")))[0] == "INVALID_ARGUMENT"
    viewer = await plane.new_user(admin, "vi@example.com", role="viewer")
    for organization in (ORGANIZATION, "organizations/other", f"organizations/o{uuid4().hex}"):
        assert await refused(rotate(viewer, first, organization)) == DENIED
    assert await kids(admin) == [key.kid for key in once.keys]

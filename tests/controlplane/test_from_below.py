"""Nobody acts on somebody who holds more, nor on what acts for other organizations as well."""

from typing import Any

from tests.controlplane import programs
from tests.controlplane.harness import ORGANIZATION, Client, Plane, bind, refused
from tests.controlplane.programs import ACCOUNT, new_account, new_key
from tests.controlplane.test_access import delete
from tests.controlplane.test_members import call as of_member
from tests.controlplane.test_members import exchange, members, name_of, personal_token, share
from tests.controlplane.test_roles import make as make_role
from weftapi.controlplane.v1 import federated_credentials_pb2 as federation_pb2
from weftapi.controlplane.v1 import sessions_pb2, users_pb2

ESCALATION = ("PERMISSION_DENIED", "PRIVILEGE_ESCALATION")
SHARED = ("FAILED_PRECONDITION", "SHARED_ACCOUNT")
DENIED = ("PERMISSION_DENIED", "NOT_PERMITTED")
MISSING = ("NOT_FOUND", "RESOURCE_NOT_FOUND")
# All that these calls ask for, and far less than an administrator holds.
DUTIES = [
    "apiKeys.delete",
    "apiKeys.rotate",
    "federatedCredentials.delete",
    "members.deactivate",
    "members.list",
    "personalAccessTokens.list",
    "personalAccessTokens.revoke",
    "serviceAccounts.delete",
    "serviceAccounts.disable",
]


async def new_clerk(plane: Plane, admin: Client) -> Client:
    """Somebody who looks after accounts and tokens, and holds nothing else."""
    await make_role(admin, "clerk", *DUTIES)
    return await plane.new_user(admin, "clerk@example.com", role="clerk")


def delete_credential(client: Client, name: str) -> Any:
    request = federation_pb2.DeleteFederatedCredentialRequest(name=name)
    return client.federation.DeleteFederatedCredential(request)


def revoke_token(client: Client, name: str) -> Any:
    request = users_pb2.RevokeMemberTokenRequest(organization=ORGANIZATION, name=name)
    return client.users.RevokeMemberToken(request)


async def tokens_of(client: Client, who: Client) -> list[str]:
    request = users_pb2.ListMemberTokensRequest(organization=ORGANIZATION)
    listed = (await client.users.ListMemberTokens(request)).personal_access_tokens
    return [token.name for token in listed if token.name.startswith(f"{who.subject}/")]


async def sessions_of(who: Client) -> list[str]:
    listed = await who.sessions.ListSessions(sessions_pb2.ListSessionsRequest(parent=who.subject))
    return [session.name for session in listed.sessions]


def revoke_session(client: Client, name: str) -> Any:
    return client.sessions.RevokeSession(sessions_pb2.RevokeSessionRequest(name=name))


def revoke_all(client: Client, who: Client) -> Any:
    request = sessions_pb2.RevokeAllSessionsRequest(parent=who.subject)
    return client.sessions.RevokeAllSessions(request)


async def test_a_stronger_program_goes_on(plane: Plane, admin: Client) -> None:
    clerk = await new_clerk(plane, admin)
    await new_account(admin)
    key = await new_key(admin, ACCOUNT)
    credential = await admin.federation.CreateFederatedCredential(
        federation_pb2.CreateFederatedCredentialRequest(
            parent=ACCOUNT,
            federated_credential_id="ci",
            federated_credential=federation_pb2.FederatedCredential(
                issuer="https://ci.example", audience="weft", subject="job-7"
            ),
        )
    )
    grant = await bind(admin, ACCOUNT, "viewer", ORGANIZATION)
    for call in (
        programs.disable(clerk, ACCOUNT),
        programs.delete(clerk, ACCOUNT),
        programs.delete_key(clerk, key.api_key.name),
        programs.rotate(clerk, key.api_key.name),
        delete_credential(clerk, credential.name),
    ):
        assert await refused(call) == ESCALATION
    await programs.sign_in(plane, key.secret)
    # What holds nothing is theirs to end.
    await delete(admin, grant.name)
    await delete_credential(clerk, credential.name)
    await programs.delete_key(clerk, key.api_key.name)
    await programs.disable(clerk, ACCOUNT)
    await programs.delete(clerk, ACCOUNT)


async def test_a_stronger_person_stays_signed_in(plane: Plane, admin: Client) -> None:
    clerk = await new_clerk(plane, admin)
    bob = await plane.new_user(admin, "bob@example.com")
    secrets = [await personal_token(who) for who in (admin, bob)]
    for call in (
        revoke_all(clerk, admin),
        *(revoke_session(clerk, name) for name in await sessions_of(admin)),
        *(revoke_token(clerk, name) for name in await tokens_of(clerk, admin)),
    ):
        assert await refused(call) == ESCALATION
    assert len(await sessions_of(admin)) == 1
    anyone = await plane.edge()
    await exchange(anyone, personal_access_token=secrets[0])
    for name in await tokens_of(clerk, bob):
        await revoke_token(clerk, name)
    assert (await revoke_all(clerk, bob)).revoked_count == 1
    gone = exchange(anyone, personal_access_token=secrets[1])
    assert await refused(gone) == ("UNAUTHENTICATED", "INVALID_GRANT")
    # Everybody ends what is their own, whatever they hold.
    assert (await revoke_all(admin, admin)).revoked_count == 1


async def test_a_token_that_acts_elsewhere_too_outlives_one_organization(
    plane: Plane, admin: Client
) -> None:
    bob = await plane.new_user(admin, "bob@example.com", role="viewer")
    secret = await personal_token(bob)
    (token,) = await tokens_of(admin, bob)
    await share(plane, bob)
    assert await refused(revoke_token(admin, token)) == SHARED
    script = await plane.as_user(await exchange(await plane.edge(), personal_access_token=secret))
    assert len((await members(script)).members) == 2
    # What it may do here ends with the membership.
    await of_member(admin, "RemoveMember", name_of(bob))
    assert await refused(revoke_token(admin, token)) == MISSING
    assert await refused(members(script)) == DENIED
    await script.users.GetUser(users_pb2.GetUserRequest(name="users/me"))

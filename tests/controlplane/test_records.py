"""What is kept: audit rows of every change and denial, an unbroken chain, and no secret."""

import sqlalchemy as sa

from controlplane.chains import PLATFORM, chain_of
from controlplane.store.schema import (
    TABLES,
    Base,
    Certificate,
    DeviceAuthorization,
    RefreshToken,
    Revocation,
)
from controlplane.store.schema import Session as Session_
from controlplane.upkeep import purge
from meshkit.audit import row_of
from meshkit.chain import Position, follow
from meshkit.database import Session
from tests.controlplane.harness import (
    ADMIN_EMAIL,
    PASSWORD,
    WORKSPACE,
    Client,
    Plane,
    refused,
    running,
)
from weftapi.controlplane.v1 import access_pb2, auth_pb2, users_pb2

HOME = chain_of("default")


def audit_rows(session: Session, chain: str) -> list[dict]:
    table = TABLES.audit_events
    query = sa.select(table).where(table.c.chain == chain).order_by(table.c.sequence)
    return [dict(row) for row in session.execute(query).mappings()]


def everything(session: Session) -> str:
    """Every value of every row, as text."""
    connection = session.connection()
    return "\n".join(
        repr(tuple(row))
        for table in Base.metadata.sorted_tables
        for row in connection.execute(sa.select(table))
    )


async def test_changes_and_denials_are_audited_in_the_chain_of_their_organization(
    tmp_path, database_url: str
) -> None:
    async with running(tmp_path, database_url) as plane:
        admin = await plane.set_up()
        viewer = await plane.new_user(admin, "vi@example.com", role="viewer")
        await refused(viewer.users.GetUser(users_pb2.GetUserRequest(name="users/x")))
        # A name that no database can keep hides nothing from the audit log.
        odd = access_pb2.ListRoleBindingsRequest(parent="organizations/\0" + "x" * 10_000)
        await refused(viewer.access.ListRoleBindings(odd))
        anyone = await plane.edge()
        wrong = auth_pb2.SignInRequest(email=ADMIN_EMAIL, password="wrong password")
        await refused(anyone.auth.SignIn(wrong))
        nobody = auth_pb2.SignInRequest(email="nobody@example.com", password="wrong password")
        await refused(anyone.auth.SignIn(nobody))
        await anyone.auth.ExchangeToken(
            auth_pb2.ExchangeTokenRequest(refresh_token=admin.tokens.refresh_token)
        )
        await refused(
            anyone.auth.ExchangeToken(
                auth_pb2.ExchangeTokenRequest(refresh_token=admin.tokens.refresh_token)
            )
        )
    # Closed: what was denied is written by now.
    async with running(tmp_path, database_url) as plane:
        door = await plane.database()
        chains = {chain: await door.read(audit_rows, chain) for chain in (HOME, PLATFORM)}
    for chain, kept in chains.items():
        whole = follow(chain, Position(), [row_of(tuple(row.values())) for row in kept])
        assert whole == Position(len(kept), kept[-1]["hash"])
    nobodys = [(row["action"], row["reason"]) for row in chains[PLATFORM]]
    assert ("AuthService.SignIn", "SIGN_IN_FAILED") in nobodys
    rows = chains[HOME]
    seen = [(row["action"], row["code"], row["reason"]) for row in rows]
    for expected in (
        ("AuthService.CreateFirstAdministrator", 0, ""),
        ("UserService.CreateUser", 0, ""),
        ("UserService.SetPassword", 0, ""),
        ("AccessService.CreateRoleBinding", 0, ""),
        ("AuthService.SignIn", 0, ""),
        ("AuthService.SignIn", 16, "SIGN_IN_FAILED"),
        ("AuthService.ExchangeToken", 16, "REFRESH_TOKEN_REUSED"),
        ("UserService.GetUser", 7, "NOT_PERMITTED"),
        ("AccessService.ListRoleBindings", 7, "NOT_PERMITTED"),
    ):
        assert expected in seen
    (bound,) = (row for row in rows if row["action"] == "AccessService.CreateRoleBinding")
    assert bound["actor"] == admin.subject
    assert bound["resource"].startswith("organizations/default/roleBindings/")


async def test_no_secret_stands_in_the_database_the_log_or_an_event(
    plane: Plane, admin: Client, capsys
) -> None:
    secrets = [plane.trust.decode()[200:260], PASSWORD, admin.tokens.refresh_token]
    await plane.new_workspace(admin, "w1")
    member = await plane.enroll(admin, WORKSPACE, "w1")
    secrets.append(member.pair.key.decode()[60:120])
    anyone = await plane.edge()
    request = auth_pb2.StartDeviceAuthorizationRequest()
    device = await anyone.auth.StartDeviceAuthorization(request)
    secrets += [device.device_code, device.user_code]
    token = await admin.users.CreatePersonalAccessToken(
        users_pb2.CreatePersonalAccessTokenRequest(
            parent="users/me",
            personal_access_token=users_pb2.PersonalAccessToken(display_name="ci"),
        )
    )
    created = await admin.users.CreateUser(
        users_pb2.CreateUserRequest(
            organization="organizations/default",
            user=users_pb2.User(email="bob@example.com"),
            request_id="0190d3c4-7a31-7c3e-8b62-1f0a6f4e2d11",
        )
    )
    secrets += [token.secret, created.password_token, admin.tokens.access_token]
    for path in (plane.settings.data_dir / "signing-keys").iterdir():
        secrets.append(path.read_text().splitlines()[1])
    for secret in secrets[2:]:
        wrong = auth_pb2.ExchangeTokenRequest(refresh_token=secret[:256])
        if secret != admin.tokens.refresh_token:
            await refused(anyone.auth.ExchangeToken(wrong))
    kept = await (await plane.database()).read(everything)
    logged = "".join(capsys.readouterr())
    for secret in secrets:
        assert secret not in kept
        assert secret not in logged


async def test_what_is_over_is_forgotten(plane: Plane, admin: Client) -> None:
    await plane.new_workspace(admin, "w1")
    await plane.enroll(admin, WORKSPACE, "w1")
    anyone = await plane.edge()
    await anyone.auth.StartDeviceAuthorization(auth_pb2.StartDeviceAuthorizationRequest())
    await admin.auth.RevokeToken(auth_pb2.RevokeTokenRequest(token=admin.tokens.refresh_token))
    door = await plane.database()
    tables = (Session_, RefreshToken, DeviceAuthorization, Revocation, Certificate)
    await door.write(purge)
    assert 0 not in await door.read(count, tables)
    plane.clock.advance(days=60)
    await door.write(purge)
    assert await door.read(count, tables) == [0] * len(tables)


def count(session: Session, tables: tuple[type, ...]) -> list[int]:
    return [session.scalar(sa.select(sa.func.count()).select_from(table)) for table in tables]

"""Programs elsewhere that become service accounts here, by a token of their own issuer."""

import structlog

from controlplane.identity.opaque import invalid_grant
from controlplane.identity.providers.assertions import Assertions, Presented
from controlplane.identity.providers.model import IdentityRejectedError, ProviderError
from controlplane.identity.tokens import Lifetimes, Origin
from controlplane.operations import federated_credentials
from controlplane.operations.service_accounts import AccountName
from meshkit.database import Database
from meshkit.egress import EgressError
from meshkit.errors import Unauthenticated, Unavailable

log = structlog.get_logger()


class Federation:
    """Takes tokens from elsewhere. Callers hear one refusal; the log says what was wrong."""

    def __init__(self, database: Database, assertions: Assertions, lifetimes: Lifetimes) -> None:
        self._database = database
        self._assertions = assertions
        self._lifetimes = lifetimes

    async def exchange(self, encoded: str, account: AccountName) -> Origin:
        """What tokens are made from; raises INVALID_GRANT, IDENTITY_PROVIDER_UNAVAILABLE."""
        try:
            token = Presented.read(encoded)
            issuer, audience = token.issuer, token.audience
            await self._require_trusted(account, issuer, audience)
            assertion = await self._assertions.verify(token)
        except IdentityRejectedError as error:
            raise _refused(account, str(error)) from error
        except (ProviderError, EgressError) as error:
            raise _unavailable(account, issuer, error) from error
        found = await self._database.write(
            federated_credentials.exchange,
            account,
            assertion,
            issuer=issuer,
            audience=audience,
            lifetimes=self._lifetimes,
        )
        if found == federated_credentials.REPLAYED:
            raise _replayed(account)
        if isinstance(found, str):
            raise _refused(account, found)
        return found

    async def _require_trusted(self, account: AccountName, issuer: str, audience: str) -> None:
        """Before anything is fetched: only issuers that the account's own rules name."""
        trusts = federated_credentials.trusts
        if not await self._database.read(trusts, account, issuer, audience):
            raise IdentityRejectedError("no rule of the account names its issuer and audience")


def _unavailable(account: AccountName, issuer: str, error: Exception) -> Unavailable:
    log.warning("federation_unavailable", account=str(account), problem=str(error))
    return Unavailable(
        "IDENTITY_PROVIDER_UNAVAILABLE",
        "The token's issuer does not answer in a usable way; try again later.",
        metadata={"provider": issuer},
        retry_after_s=5,
    )


def _replayed(account: AccountName) -> Unauthenticated:
    """What only the bearer of a token that fits hears: the same grant again would be in vain."""
    _refused(account, federated_credentials.REPLAYED)
    return Unauthenticated(
        "INVALID_GRANT",
        "This token was exchanged before, and works once: let each step of the job ask its CI for "
        "one of its own, or keep the access token; or make the federated credential reusable.",
    )


def _refused(account: AccountName, problem: str) -> Unauthenticated:
    log.info("federation_refused", account=str(account), problem=problem)
    return invalid_grant()

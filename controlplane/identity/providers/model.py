"""What every kind of provider has in common: its settings, its task, and what may go wrong."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from controlplane.identity.opaque import Secret


class ProviderError(Exception):
    """What is wrong with a provider or its answer, in words for its administrator."""


class ProviderUnavailableError(ProviderError):
    """The provider does not answer, or not in a usable way: try again later."""


class IdentityRejectedError(ProviderError):
    """The provider answered, and what it says proves nobody's identity."""


@dataclass(frozen=True, slots=True)
class Client:
    """A provider as it is set up, and who we are there."""

    uid: UUID
    # Moves with every change of the settings: caches hang on it.
    version: datetime
    issuer: str
    client_id: str
    client_secret: Secret | None
    scopes: tuple[str, ...]
    groups_claim: str
    redirect_uri: str


@dataclass(frozen=True, slots=True)
class Proofs:
    """What binds one sign-in together: it goes out with the person and must come back."""

    state: Secret
    nonce: str
    code_verifier: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the provider's redirect brought back, beside the state."""

    code: str
    iss: str = ""


@dataclass(frozen=True, slots=True)
class Assertion:
    """A person, as a provider vouches for them. `subject` alone says who it is."""

    issuer: str
    subject: str
    email: str = ""
    email_verified: bool = False
    display_name: str = ""
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at, whether it holds, and what was found."""

    name: str
    healthy: bool
    message: str


class Dialect(Protocol):
    """One way to speak with providers; all of it raises ProviderError and EgressError."""

    async def authorization_uri(self, client: Client, proofs: Proofs) -> str:
        """Where the person's browser goes."""
        ...

    async def identify(self, client: Client, proofs: Proofs, answer: Answer) -> Assertion:
        """Whom the provider's answer proves."""
        ...

    async def checks(self, client: Client) -> list[Check]:
        """What a sign-in would find, up to the first failure."""
        ...

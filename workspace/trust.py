"""Whom a workspace believes, and what they may."""

from dataclasses import dataclass

from meshkit.caller import CallerKind
from meshkit.clock import Clock
from meshkit.database import Database
from meshkit.files import locked
from meshkit.membership import Membership
from meshkit.tokens import TokenSigner, TokenVerifier, TrustedIssuer
from workspace.access import Access, Policies
from workspace.config import WorkspaceSettings
from workspace.membership import PeoplesKeys
from workspace.owners import Owners
from workspace.run_tokens import RunStandings, RunTokens, load_key

_PEOPLE = frozenset({CallerKind.USER, CallerKind.SERVICE_ACCOUNT})


@dataclass(frozen=True, slots=True)
class Trust:
    """Who speaks, and what they may: people by the control plane's keys, runs by our own."""

    keys: PeoplesKeys
    policies: Policies
    access: Access
    tokens: RunTokens
    verifier: TokenVerifier


def trust_of(
    settings: WorkspaceSettings, membership: Membership, database: Database, clock: Clock
) -> Trust:
    """What a workspace verifies and signs with; its keys are made at the first start."""
    data, identity = settings.data_dir, membership.credentials.identity
    uid, own_issuer = str(identity.uid), str(identity)
    people = TrustedIssuer(str(membership.control_plane), _PEOPLE)
    with locked(data):
        signer = TokenSigner(own_issuer, load_key(data), clock=clock)
    runs = TrustedIssuer(own_issuer, frozenset({CallerKind.RUN}))
    runs.replace_keys(signer.jwks)
    policies = Policies(data / "policy.binpb", clock=clock)
    return Trust(
        keys=PeoplesKeys(data / "keys.binpb", people),
        policies=policies,
        access=Access(policies, RunStandings(database, clock), Owners(database)),
        tokens=RunTokens(signer, audience=uid, clock=clock),
        verifier=TokenVerifier([people, runs], audience=uid, clock=clock),
    )

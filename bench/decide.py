"""(k) Deciding: a permission in a workspace, and a person's token, as every call does.

In this process, without a server: these are microseconds of a call that takes many. The policy
is that of a large organization; the bare decision is one look into a dictionary, the bare
verification one check of the signature.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import ed25519

from bench.figures import Figure, stay_below
from bench.load import Options
from bench.run import main
from bench.site import Site
from meshkit.caller import CallerKind
from meshkit.clock import SystemClock
from meshkit.tokens import SigningKey, TokenSigner, TokenVerifier, TrustedIssuer
from weftapi.controlplane.v1 import enrollment_pb2
from workspace.access import Grants

_PEOPLE, _GRANTS_EACH = 1_000, 10
_ISSUER, _AUDIENCE = "spiffe://bench/cp", "bench"


async def measure(_site: Site, options: Options) -> list[Figure]:
    rounds = 200 if options.quick else 20_000
    return [_compiling(options), *_decisions(rounds), *_verifications(rounds)]


def _compiling(options: Options) -> Figure:
    policy = _policy()
    times = 2 if options.quick else 10
    took = _each_us(lambda: Grants.compile(policy, datetime.now(UTC)), times) / 1000
    raw = policy.SerializeToString()
    bare = _each_us(lambda: enrollment_pb2.Policy.FromString(raw), times) / 1000
    count = _PEOPLE * _GRANTS_EACH
    return Figure(
        "k", f"compile a policy of {count:,} grants", "ms", took, bare, note="bare: parse"
    )


def _decisions(rounds: int) -> list[Figure]:
    grants = Grants.compile(_policy(), datetime.now(UTC))
    subject, resource = f"users/{UUID(int=7)}", "projects/p7/runs/r/steps/s"
    assert grants.allows(subject, "runs.get", resource)
    assert not grants.allows(subject, "runs.get", "projects/p12/runs/r")
    known = {subject: {"projects/p7": frozenset({"runs.get"})}}
    bare = _each_us(lambda: "runs.get" in known[subject]["projects/p7"], rounds)
    return [
        Figure("k", f"decide, {label}", "us", took, bare, stay_below(20), note="bare: a dict")
        for label, took in (
            ("granted", _each_us(lambda: grants.allows(subject, "runs.get", resource), rounds)),
            ("refused", _each_us(lambda: grants.allows(subject, "runs.stop", resource), rounds)),
        )
    ]


def _verifications(rounds: int) -> list[Figure]:
    clock = SystemClock()
    signer = TokenSigner(_ISSUER, SigningKey.generate(), clock=clock)
    people = TrustedIssuer(_ISSUER, frozenset({CallerKind.USER}))
    people.replace_keys(signer.jwks)
    verifier = TokenVerifier([people], audience=_AUDIENCE, clock=clock)
    subject, hour = f"users/{UUID(int=7)}", timedelta(hours=1)
    tokens = iter(
        [
            signer.sign(CallerKind.USER, subject, audience=_AUDIENCE, lifetime=hour)
            for _ in range(rounds // 10)
        ]
    )
    again = signer.sign(CallerKind.USER, subject, audience=_AUDIENCE, lifetime=hour)
    first = _each_us(lambda: verifier.verify(next(tokens)), rounds // 10)
    later = _each_us(lambda: verifier.verify(again), rounds)
    bare = _signature_us(rounds // 10)
    return [
        Figure("k", "verify a token, first seen", "us", first, bare, note="bare: its signature"),
        Figure("k", "verify a token, seen before", "us", later, bare, stay_below(50)),
    ]


def _signature_us(rounds: int) -> float:
    key, content = ed25519.Ed25519PrivateKey.generate(), b"x" * 400
    signature, public = key.sign(content), key.public_key()
    return _each_us(lambda: public.verify(signature, content), rounds)


def _policy() -> enrollment_pb2.Policy:
    """A thousand people with ten grants each: on projects, and on single runs."""
    policy = enrollment_pb2.Policy(revision=1, workspace="organizations/o/workspaces/w")
    policy.roles.add(role="viewer", permissions=["runs.get", "runs.list", "artifacts.get"])
    for person in range(_PEOPLE):
        for number in range(_GRANTS_EACH):
            project = f"projects/p{(person + number) % 100}"
            resource = project if number % 2 == 0 else f"{project}/runs/r{number}"
            subject = f"users/{UUID(int=person)}"
            policy.grants.add(subject=subject, role="viewer", resource=resource)
    return policy


def _each_us(work: Callable[[], object], rounds: int) -> float:
    """Microseconds that one round takes."""
    work()
    start = time.perf_counter()
    for _ in range(rounds - 1):
        work()
    return (time.perf_counter() - start) / max(rounds - 1, 1) * 1e6


if __name__ == "__main__":
    main(measure)

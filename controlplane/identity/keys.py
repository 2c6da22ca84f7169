"""The keys that sign tokens: private halves in files, their order in the database.

A key is published (NEXT) before it signs (ACTIVE), and verifies on (RETIRING) until the last
token it signed has expired. Its file is on disk before the database names it, so a crash
leaves at most a file that nobody needs.
"""

from collections.abc import Collection, Sequence
from pathlib import Path

from controlplane.store.schema import SigningKey as Row
from meshkit import files, tokens
from meshkit.caller import CallerKind
from meshkit.clock import Clock
from meshkit.tokens import TokenSigner, TrustedIssuer

NEXT = "NEXT"
ACTIVE = "ACTIVE"
RETIRING = "RETIRING"
_SPOKEN_FOR = frozenset({CallerKind.USER, CallerKind.SERVICE_ACCOUNT})


class KeyFiles:
    """A directory of private keys."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        files.make_private_directory(directory)

    def make(self) -> tokens.SigningKey:
        """A new key, kept in its file."""
        key = tokens.SigningKey.generate()
        files.write_private(self._path(key.kid), key.pem)
        return key

    def read(self, kid: str) -> tokens.SigningKey:
        return tokens.SigningKey.from_pem(kid, self._path(kid).read_bytes())

    def sweep(self, named: Collection[str]) -> None:
        """Removes the files of keys that are not named any more, or never were.

        Not those just made: another process may be about to name them.
        """
        files.sweep(self._directory, named)

    def remove(self, kid: str) -> None:
        self._path(kid).unlink(missing_ok=True)

    def _path(self, kid: str) -> Path:
        return self._directory / f"{kid}.pem"


class KeyRing:
    """Signs with the active key, and is the issuer that our own verifier trusts.

    `load` follows the database: after a rotation here, or by another replica.
    """

    def __init__(self, issuer: str, key_files: KeyFiles, clock: Clock) -> None:
        self.files = key_files
        self.trusted = TrustedIssuer(issuer, _SPOKEN_FOR)
        self._clock = clock
        self._signer: TokenSigner | None = None
        # The active key and the next one, by state.
        self.rows: dict[str, Row] = {}

    @property
    def issuer(self) -> str:
        return self.trusted.issuer

    @property
    def signer(self) -> TokenSigner:
        """Signs with the active key; RuntimeError before the first `load`."""
        if self._signer is None:
            raise RuntimeError("the signing keys are not loaded yet")
        return self._signer

    def load(self, rows: Sequence[Row]) -> None:
        """Takes over the keys as the database has them."""
        by_state = {row.state: row for row in rows}
        active, known = by_state[ACTIVE], self.rows.get(ACTIVE)
        if known is None or known.kid != active.kid:
            self._signer = TokenSigner(self.issuer, self.files.read(active.kid), clock=self._clock)
        self.rows = by_state
        self.trusted.replace_keys({"keys": [row.jwk for row in rows]})

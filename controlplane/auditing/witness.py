"""The newest checkpoints, remembered beside the key: what a restored database forgets."""

import json
from pathlib import Path

from controlplane.store.schema_audit import AuditCheckpoint
from meshkit import files
from meshkit.chain import Position


class Witness:
    """A directory outside the database that holds the newest signed place of each chain."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._path = directory / "signed.json"
        files.make_private_directory(directory)

    def positions(self) -> dict[str, Position]:
        """The newest signed place of each chain, as far as this machine knows."""
        try:
            kept = json.loads(self._path.read_bytes())
        except FileNotFoundError:
            return {}
        return {
            chain: Position(place["sequence"], bytes.fromhex(place["hash"]))
            for chain, place in kept.items()
        }

    def keep(self, row: AuditCheckpoint, *, is_restart: bool = False) -> None:
        """Remembers a checkpoint unless a newer one is known; after a restore, whatever it is."""
        with files.locked(self._directory):
            kept = self.positions()
            known = kept.get(row.chain, Position())
            if known.sequence >= row.sequence and not is_restart:
                return
            kept[row.chain] = Position(row.sequence, row.hash)
            content = {
                chain: {"sequence": place.sequence, "hash": place.hash.hex()}
                for chain, place in kept.items()
            }
            files.write_private(self._path, json.dumps(content).encode())

"""What the server is told of its last backup: a file beside its data, which no backup holds."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from meshkit.files import write_private

FILE = "last-backup.json"


@dataclass(frozen=True, slots=True)
class LastBackup:
    """A whole backup: the moment of which it is, and what it holds; not where it lies."""

    time: datetime
    revision: int
    rows: int


def note(data_dir: Path, backup: LastBackup) -> None:
    """Takes note of a backup that is whole."""
    text = json.dumps({**asdict(backup), "time": backup.time.isoformat()})
    write_private(data_dir / FILE, text.encode())


def noted(data_dir: Path) -> LastBackup | None:
    """The backup that was noted last; None where none was, or where the note cannot be read."""
    try:
        told = json.loads((data_dir / FILE).read_text("utf-8"))
        return LastBackup(datetime.fromisoformat(told["time"]), told["revision"], told["rows"])
    except (OSError, ValueError, KeyError, TypeError):
        return None

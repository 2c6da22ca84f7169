"""Where tests write: in memory where there is room for it.

Databases sync with every commit, and the tests of both cores hold each other up for it on one
disk. In memory all promises are kept but the one about power cuts, which no test makes.
"""

import os
import shutil
import tempfile
from pathlib import Path

_MEMORY = Path("/dev/shm")
_ROOM_BYTES = 4 << 30


def scratch() -> Path:
    """The directory for everything that goes with the run; all processes of a run agree on it."""
    if not _MEMORY.is_dir() or shutil.disk_usage(_MEMORY).total < _ROOM_BYTES:
        return Path(tempfile.gettempdir())
    # Some tests execute what they write.
    may_execute = not os.statvfs(_MEMORY).f_flag & os.ST_NOEXEC
    return _MEMORY if may_execute else Path(tempfile.gettempdir())

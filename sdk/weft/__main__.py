"""The `weft` command, and `python -m weft`: that of this very interpreter."""

from __future__ import annotations

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Runs the command; Ctrl-C says nothing of ours also while it is being imported."""
    try:
        from weft.cli import main as run
    except KeyboardInterrupt:
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()

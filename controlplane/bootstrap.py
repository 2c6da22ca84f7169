"""`python -m controlplane.bootstrap`: prints the link that makes the first administrator.

Run on the control plane's host, or in its pod, with its settings. Exits 6 where there is an
administrator already, 7 where the control plane has not come so far yet, 78 for settings that
are not valid.
"""

import sys

from controlplane.config import Settings
from controlplane.setup_token import SetupToken
from meshkit.config import ConfigError

_EXIT_EXISTS, _EXIT_NOT_YET, _EXIT_CONFIG = 6, 7, 78


def main() -> int:
    """Prints the link to standard output, and to standard error what can be done without one."""
    try:
        settings = Settings.load()
    except ConfigError as error:
        sys.stderr.write(f"error: {error}\n")
        return _EXIT_CONFIG
    token = SetupToken(settings.data_dir, settings.public_url)
    if secret := token.read():
        sys.stdout.write(f"{token.link(secret)}\n")
        return 0
    if token.is_used:
        sys.stderr.write("error: there is an administrator already: sign in with `weft login`\n")
        return _EXIT_EXISTS
    # Also in the middle of its first start, when there is a directory and no token in it.
    sys.stderr.write("error: the control plane has not started here yet: start it, or try again\n")
    return _EXIT_NOT_YET


if __name__ == "__main__":
    sys.exit(main())

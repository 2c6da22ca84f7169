"""The version of the installed distribution."""

from importlib.metadata import PackageNotFoundError, version

_DISTRIBUTION = "weft-server"


def server_version() -> str:
    """The version of the installed distribution; a bare checkout has none."""
    try:
        return version(_DISTRIBUTION)
    except PackageNotFoundError:
        return "0.0.0"

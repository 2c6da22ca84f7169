"""Values of enums, as people read them: those of a newer server, too."""

from typing import Any


def word(enum: Any, number: int) -> str:
    """The name of a value without the prefix of its type, such as "RUNNING".

    A number that this version does not know, because the server is newer, stands for itself.
    """
    if number not in enum.values():
        return str(number)
    prefix = str(enum.Name(0)).removesuffix("UNSPECIFIED")
    return str(enum.Name(number)).removeprefix(prefix)

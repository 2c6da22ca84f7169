"""What can go wrong with a code repository, in words that say what to do."""

from meshkit.errors import FailedPrecondition, NotFound, Unavailable

_SHOWN = 200


def unavailable(name: str, problem: str) -> Unavailable:
    """The host cannot be reached, or answers nonsense."""
    return Unavailable(
        "CODE_REPOSITORY_UNAVAILABLE",
        f"{name}: its host {shown(problem)}. Nothing else is affected; try again.",
        metadata={"resource": name},
    )


def rejected(name: str) -> FailedPrecondition:
    """The host does not know this token, or wants one."""
    return FailedPrecondition(
        "CODE_REPOSITORY_REJECTED",
        f"{name}: its host does not accept its token, or wants one. Put a good one into a secret "
        "and name it with `weft code-repositories update`.",
        metadata={"resource": name},
    )


def forbidden(name: str) -> FailedPrecondition:
    """The host knows the token, and it may not do this."""
    return FailedPrecondition(
        "CODE_REPOSITORY_FORBIDDEN",
        f"{name}: its host does not permit this to its token. Let the token read code there.",
        metadata={"resource": name},
    )


def missing(name: str) -> FailedPrecondition:
    """Hosts say of what a token may not see that it does not exist."""
    return FailedPrecondition(
        "CODE_REPOSITORY_ABSENT",
        f"{name}: there is no repository at its URL, or none that its token may see.",
        metadata={"resource": name},
    )


def unknown(name: str, revision: str) -> NotFound:
    """There is no such commit."""
    told = shown(revision) or "default branch"
    return NotFound(
        "REVISION_UNKNOWN",
        f"{name} has no {told}. Has it been pushed?",
        metadata={"resource": name, "revision": told},
    )


def ambiguous(name: str, revision: str) -> FailedPrecondition:
    """There are several."""
    return FailedPrecondition(
        "REVISION_AMBIGUOUS",
        f"{shown(revision)} means several commits in {name}: write refs/heads/<branch>, "
        "refs/tags/<tag> or more of the commit's id.",
        metadata={"resource": name, "revision": shown(revision)},
    )


def unusable(name: str, problem: str) -> FailedPrecondition:
    """The code cannot be taken as it is."""
    return FailedPrecondition(
        "CODE_UNUSABLE",
        f"The code of {name} cannot be taken: {shown(problem)}.",
        metadata={"resource": name},
    )


def shown(text: str) -> str:
    """What somebody else chose, fit for a sentence."""
    return "".join(c if c.isprintable() else "?" for c in text[:_SHOWN])
